"""A table that changes during a walk: what stays is told once, and each close counts once."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.sockets import TCP_ESTABLISHED
from tcp_pressure_exporter.facts.tally import LocalAddress, PoolTally, SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.bpf.walk import compiled
from tcp_pressure_exporter.sources.bpf.walk.table import open_connection_table
from tcp_pressure_exporter.sources.procfs.resources import ProcNumbers
from tests.reliability.churn import compiled as compiled_load
from tests.sources.counting.counting import key
from tests.support.labs.lab import Lab
from tests.support.labs.network_namespace import set_sysctl
from tests.support.messages.socket_entries import sixteen_bytes

pytestmark = [pytest.mark.bpf("connections"), pytest.mark.time_limit(300)]
WALKS = 200
STABLE = 4000
CLIENT, SERVER, PORT = "127.0.0.7", "127.0.0.9", 9000
SETTINGS = {
    "ip_local_port_range": "1024 65535",
    "tcp_tw_reuse": "0",
    "tcp_max_tw_buckets": "1000000",
}
RULES = TallyRules(
    usable=port_set(range(10_000, 65_536)),
    blocked=0,
    served=port_set([PORT]),
    reuse=TimeWaitReuse(everywhere=False, on_loopback=False),
)
WATCHED = key(CLIENT, SERVER, PORT)


@contextmanager
def churn(folder: Path, rate: int, time_wait_percent: int, seconds: float) -> Iterator[None]:
    """Open and close connections in parallel until the block ends; rate 0: as many as possible."""
    program = compiled_load(folder)
    command = [str(program), "2", str(rate), str(time_wait_percent), "200", str(seconds)]
    load = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with load:
        assert load.stdout is not None
        load.stdout.readline()
        try:
            yield
        finally:
            load.kill()


@pytest.mark.alone
def test_stable_sockets(lab: Lab, tmp_path: Path) -> None:
    """No walk loses or doubles a socket that stays, whatever comes and goes around it."""
    for name, value in SETTINGS.items():
        set_sysctl(name, value)
    lab.server4.listen(STABLE)
    for number in range(STABLE):
        lab.connect(SERVER, CLIENT, 20_000 + number)
    ports = port_set(range(20_000, 20_000 + STABLE))
    by = replace(RULES, outbound_rows=RULES.outbound_rows._replace(watched=(WATCHED,)))
    table = open_connection_table()
    assert not isinstance(table, Missing), table.reason
    moved = set[int]()
    with churn(tmp_path, 0, 10, 120):
        for _ in range(WALKS):
            tally = compiled.tally_table(table, by)
            assert tally.outbound.rows[WATCHED].ports == STABLE
            assert tally.by_address[LocalAddress(sixteen_bytes(CLIENT))].live == ports
            assert tally.states[True, TCP_ESTABLISHED] >= 2 * STABLE
            assert total(tally) == sum(tally.states.values())
            moved.add(total(tally))
    table.close()
    assert len(moved) > WALKS // 4  # it did change


def total(tally: SocketTally) -> int:
    """Return the number of sockets in all pools together."""
    return sum(map(ports_of, (tally.outbound, tally.inbound, tally.privileged, tally.explicit)))


def ports_of(pools: PoolTally) -> int:
    return sum(row.ports for row in pools.rows.values()) + pools.others.ports + pools.overflow


@pytest.mark.alone
def test_closes(lab: Lab, tmp_path: Path) -> None:
    """Under churn, and under more churn, walks count as many closes as the kernel does."""
    assert lab
    for name, value in SETTINGS.items():
        set_sysctl(name, value)
    table = open_connection_table()
    assert not isinstance(table, Missing), table.reason
    edge = compiled.tally_table(table, RULES).edge
    before, counted = closes(), 0
    for _ in range(2):
        with churn(tmp_path, 2000, 100, 60):
            for _ in range(20):
                tally = compiled.tally_table(table, replace(RULES, since=edge))
                edge, counted = tally.edge, counted + entered(tally)
                time.sleep(0.1)
        tally = compiled.tally_table(table, replace(RULES, since=edge))
        edge, counted = tally.edge, counted + entered(tally)
        assert counted == closes() - before
    table.close()
    assert counted > 1000


def closes() -> int:
    """Return how many connections have entered TIME_WAIT, by the kernel's count."""
    return ProcNumbers(Path("/proc")).statistics()["TW"]


def entered(tally: SocketTally) -> int:
    pools = (tally.outbound, tally.inbound, tally.privileged, tally.explicit)
    return sum(
        sum(row.entered for row in found.rows.values()) + found.others.entered for found in pools
    )
