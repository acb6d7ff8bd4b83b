"""The portable sampler compared with the netlink one, on the same real sockets."""

import socket
import time
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.sample.sample import (
    FINDINGS,
    LOCAL_PORTS,
    POOLS,
    SOCKETS,
    NamespaceSample,
)
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.portable.source import PortableSockets
from tcp_pressure_exporter.sources.systems.portable import portable_sources
from tests.real_kernel.test_against_ss import make_every_state, wait_for_fins
from tests.support.fakes.fake_clock import FakeClock
from tests.support.labs.lab import EVERYTHING, Lab, Observer, time_wait_here, time_wait_there
from tests.support.labs.network_namespace import set_sysctl
from tests.support.sampled import sampler_of

PATIENCE_SECONDS = 10
COLLECTORS = ("sockets", "local_ports", "pools", "findings", "sysctls", "limits")


class PortableObserver:
    """Samples the thread's namespace through psutil, on the test's own clock."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        conntrack = ConntrackTable(Path("/proc"), readable_parser(), by_netlink=False)
        sources = replace(
            portable_sources("linux", Path("/proc"), conntrack, "not to be asked"),
            sockets=PortableSockets(clock=self.clock),
        )
        self._sampler = sampler_of(sources, None, COLLECTORS, self.clock, "test")

    def sample(self, seconds_later: float = 5.0) -> NamespaceSample:
        self.clock.advance(seconds_later)
        return self._sampler.take(EVERYTHING)


@pytest.fixture
def portable(lab: Lab) -> PortableObserver:  # noqa: ARG001 - it observes its namespace
    """Observe the lab's namespace through psutil, which reads that of the main thread."""
    return PortableObserver()


def states(sample: NamespaceSample) -> object:
    return sample.get(SOCKETS)


def ports(sample: NamespaceSample) -> LocalPorts:
    return sample.get(LOCAL_PORTS)


def table(sample: NamespaceSample, direction: str) -> PoolTable:
    return sample.get(POOLS)[direction]


def usage(pool: ListedPool) -> tuple[object, ...]:
    found = pool.usage
    ends = pool.local_address, pool.remote_address, pool.port
    return (*ends, found.used, found.limit, found.time_wait, found.reclaimable)


def test_as_netlink(lab: Lab, observer: Observer, portable: PortableObserver) -> None:
    """States, local ports and every pool are the same as netlink's, in every direction."""
    set_sysctl("tcp_tw_reuse", 0)  # or closes of the last second would differ
    make_every_state(lab)
    lab.listen("0.0.0.0", 50007)
    for _ in range(3):
        time_wait_there(lab.connect("127.0.0.1", "127.0.0.50"))
    wait_for_fins()
    by_netlink, by_psutil = observer.sample(), portable.sample()
    assert states(by_psutil) == states(by_netlink)
    assert ports(by_psutil) == ports(by_netlink)
    for direction in ("outbound", "inbound", "source"):
        ours, theirs = table(by_psutil, direction), table(by_netlink, direction)
        assert sorted(map(usage, ours.listed)) == sorted(map(usage, theirs.listed)), direction
        assert (ours.count, ours.unlisted_ports_used) == (theirs.count, theirs.unlisted_ports_used)
        assert ours.overflow_sockets == 0


def test_rates_and_forecast(lab: Lab, portable: PortableObserver) -> None:
    """Closes are counted from the differences between samples, and shown after one TIME_WAIT."""
    set_sysctl("tcp_tw_reuse", 0)
    set_sysctl("ip_local_port_range", "50000 50999")
    time_wait_here(lab.connect("127.0.0.9"))  # before the first sample: not counted
    first = table(portable.sample(), "outbound")
    assert first.churn is None
    for _ in range(12):  # real sockets; the minute passes on the test's clock alone
        for _ in range(10):
            time_wait_here(lab.connect("127.0.0.9"))
        early = table(portable.sample(), "outbound")
    assert early.churn is None  # 60 s after the first sample, and TIME_WAIT lasts 62.05
    for _ in range(10):
        time_wait_here(lab.connect("127.0.0.9"))
    outbound = table(portable.sample(), "outbound")
    assert outbound.churn is not None
    assert outbound.churn.entered_total == 130
    (pool,) = outbound.listed
    assert pool.outlook is not None
    # Ten closes in five seconds: two a second, for 62.05 s each, of 1000 ports.
    assert pool.outlook.steady_state_ratio == pytest.approx(0.1241, abs=0.005)
    assert pool.outlook.peak_closes in {2, 3}
    assert pool.entered_total == 130


def test_findings(lab: Lab, portable: PortableObserver) -> None:
    """Findings are evaluated, except those that need netlink or the canary, which is off here."""
    lab.connect("127.0.0.9")
    findings = portable.sample().outcome(FINDINGS)
    assert findings is not None
    assert findings.error is None
    told = {state.finding.name for state in findings.get()}
    assert "somaxconn_below_backlog" not in told
    assert {"listener_in_port_range", "port_range_too_small", "tw_recycle_enabled"} <= told


def test_reused_listener(lab: Lab, portable: PortableObserver) -> None:
    """Several listeners on one address and port count once: psutil may not tell them apart."""
    for _ in range(3):
        listener = lab.keep(socket.socket())
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind(("127.0.0.1", 8080))
        listener.listen()
    counted = states(portable.sample())
    assert isinstance(counted, dict)
    assert counted["ipv4", "listen"] == 2  # the lab's own is the other one


def test_reuse(lab: Lab, observer: Observer, portable: PortableObserver) -> None:
    """With tcp_tw_reuse = 1, both show the ports in TIME_WAIT as reclaimable after their delay."""
    set_sysctl("tcp_tw_reuse", 1)
    for pair in [lab.connect("127.0.0.9") for _ in range(5)]:
        time_wait_here(pair)
    label = ("127.0.0.1", "127.0.0.9", "9000")
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (usage := observer.pool("outbound", *label).usage).reclaimable != 5:
        assert time.monotonic() < deadline, usage
        time.sleep(0.05)
    (pool,) = table(portable.sample(), "outbound").listed
    assert (pool.usage.used, pool.usage.reclaimable) == (usage.used, 5)
