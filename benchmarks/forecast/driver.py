"""Runs one load on its own pool, in a network namespace, while polling the pool."""

import resource
import time
from array import array
from collections.abc import Mapping
from contextlib import closing

from benchmarks.forecast.application import SERVER, Application
from benchmarks.forecast.load import Scenario
from benchmarks.forecast.scenarios import PORTS
from benchmarks.forecast.trace import Poll, Trace
from tcp_pressure_exporter.facts.ports import port_range, port_set
from tcp_pressure_exporter.facts.tally import PoolCount, PoolKey, TallyRules
from tcp_pressure_exporter.facts.time_wait import time_wait_reuse
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tests.support.labs.network_namespace import network_namespace, set_sysctl

LOW = 20_000
HIGH = LOW + PORTS - 1
TICK = 0.05  # seconds: how late a connection may be
POLL_SECONDS = 1.0
AFTER_FULL = 5.0  # seconds
PORT = SERVER[1].to_bytes(2, "big")
Rows = Mapping[PoolKey, PoolCount]


def run_scenario(scenario: Scenario) -> Trace:
    """Return what became of the pool; may raise OSError and SourceError. Needs root."""
    _allow_open_files(4 * PORTS)
    parser = best_parser()
    with network_namespace():
        set_sysctl("ip_local_port_range", f"{LOW} {HIGH}")
        set_sysctl("tcp_tw_reuse", 0)
        set_sysctl("tcp_max_tw_buckets", 262_144)
        with (
            closing(NetlinkSockets(parser.tally, parser.tally_bound)) as sockets,
            closing(Application(scenario)) as application,
        ):
            return _run(scenario, application, sockets)


def pool_rules() -> TallyRules:
    """Return the rules for counting the dump."""
    return TallyRules(
        usable=port_range(LOW, HIGH),
        blocked=0,
        served=port_set([SERVER[1]]),
        reuse=time_wait_reuse(mode=0, timestamps=1, delay_ms=None),
    )


def _run(scenario: Scenario, application: Application, sockets: NetlinkSockets) -> Trace:
    polls: list[Poll] = []
    full_at: float | None = None
    start = time.monotonic()
    now, end = 0.0, scenario.seconds
    while now < end:
        if not application.act(now) and full_at is None:
            full_at = round(time.monotonic() - start, 3)
            end = full_at + AFTER_FULL
        if now >= len(polls) * POLL_SECONDS:
            rows = _rows(scenario, sockets)
            polls.append(_poll(rows, time.monotonic() - start))
        time.sleep(TICK)
        now = time.monotonic() - start
    return Trace(scenario.name, PORTS, full_at, polls)


def _rows(scenario: Scenario, sockets: NetlinkSockets) -> Rows:
    """Return the pools of the end that has TIME_WAIT."""
    tally = sockets.tally(pool_rules())
    return tally.inbound.rows if scenario.server_closes else tally.outbound.rows


def _poll(rows: Rows, now: float) -> Poll:
    for count in (count for key, count in rows.items() if key.port == PORT):
        return Poll(round(now, 3), count.ports, count.time_wait or 0, _ages(count))
    return Poll(round(now, 3), 0, 0, ())


def _ages(count: PoolCount) -> tuple[int, ...]:
    ages = array("I", count.ages)
    while ages and not ages[-1]:
        ages.pop()
    return tuple(ages)


def _allow_open_files(number: int) -> None:
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (number, max(hard, number)))
