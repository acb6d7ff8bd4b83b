"""The loads that the live tests put on a watched host, and what its receivers got."""

import socket
import time
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from deploy.demo import stories
from tests.live.inbox import Inbox
from tests.live.watched_host import wait_until, watched_host

OTHER_UPSTREAM = ("127.0.0.12", 8080)
OWNER = "tcp_pressure_close_wait_owner_sockets"
RECORDED = 'job:tcp_pressure_up:sum{job="tcp-pressure-exporter"} == 1'
QUICK = 60  # minutes of the rules become seconds


@dataclass(frozen=True)
class Outcome:
    """The outcome of a load; `refused`: the times of connects without a port.

    suppressed: the warning next to a page was silent. recorded: the fleet's series are there.
    """

    inbox: Inbox
    refused: tuple[float, ...] = ()
    suppressed: bool = False
    recorded: bool = False


def steady_rise(folder: Path, *, agent: bool = False) -> Outcome:
    """36 closes a second on 2,000 ports, which last 56 s; rules and waits are those that ship."""
    with watched_host(folder, factor=1, agent=agent) as host:
        refused = stories.proxy(36, 60, _unheard)
        return Outcome(host.inbox, tuple(refused), recorded=bool(host.query(RECORDED)))


def remote_write(folder: Path) -> Outcome:
    """Rise as steadily, with an agent between the exporter and the rules."""
    return steady_rise(folder, agent=True)


def full_pool(folder: Path) -> Outcome:
    """1,940 of 2,000 ports within seconds: above both thresholds until TIME_WAIT ends."""
    with watched_host(folder, QUICK) as host:
        stories.proxy(485, 4, _unheard)
        wait_until(lambda: "TcpPressurePoolHigh" in host.alerts(), "the warning fires")
        wait_until(lambda: host.alerts()["TcpPressurePoolHigh"] == "suppressed", "it is inhibited")
        host.inbox.wait_for("TcpPressurePoolCritical", "resolved", seconds=120)
        return Outcome(host.inbox, suppressed=True)


def refusals(folder: Path) -> Outcome:
    """2,800 connections within seconds, of which 2,000 have a port."""
    with watched_host(folder, QUICK, waits=False) as host:
        refused = stories.proxy(700, 4, _unheard)
        host.inbox.wait_for("TcpPressureConnectsRefused")
        return Outcome(host.inbox, tuple(refused))


def balancer(folder: Path) -> Outcome:
    """Take nine tenths of a load balancer's ports, all in TIME_WAIT at the service."""
    with watched_host(folder, QUICK, waits=False) as host:
        stories.balancer(550, 4, hold=75)
        host.inbox.wait_for("TcpPressureInboundPoolHigh", "resolved", seconds=120)
        return Outcome(host.inbox)


def leak(folder: Path) -> Outcome:
    """150 connections stay in CLOSE_WAIT, and are closed in the end.

    The last 60 come once Prometheus knows the owner of the others: 90 raise no alert, and no factor
    shortens the exporter's pauses between searches for owners.
    """
    with watched_host(folder, QUICK, waits=False) as host:
        with stories.server(stories.LEAKY, closes_first=True), ExitStack() as leaked:
            for number in range(150):
                if number == 90:
                    wait_until(lambda: bool(host.query(OWNER)), "an owner is known", seconds=60)
                leaked.enter_context(socket.create_connection(stories.LEAKY))
            time.sleep(50)
        host.inbox.wait_for("TcpPressureCloseWaitLeak", "resolved", seconds=60)
        return Outcome(host.inbox)


def healthy(folder: Path, factor: int = 10, seconds: float = 60) -> Outcome:
    """Use a third of two pools, burst once, and read late."""
    with watched_host(folder, factor, waits=False) as host, ThreadPoolExecutor(4) as threads:
        loads: list[Future[object]] = [
            threads.submit(stories.proxy, 11, seconds, _unheard),
            threads.submit(stories.balancer, 5, seconds),
            threads.submit(stories.leak, 20, 10, seconds / 30),
        ]
        time.sleep(seconds / 2)
        stories.proxy(400, 1, _unheard, OTHER_UPSTREAM)
        for load in loads:
            load.result()
        return Outcome(host.inbox)


def _unheard(_text: str) -> None:
    """Ignore the story."""
