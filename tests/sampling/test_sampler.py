from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.sample.sample import FINDINGS, LIMITS, LOCAL_PORTS, SOCKETS
from tcp_pressure_exporter.settings.config import Config
from tests.support.fakes.fake_host import BACKEND, HOST, MAIN_DUMP, FakeHost, failed, listed, tables
from tests.support.fakes.fake_procfs import IPV4
from tests.support.messages.datagrams import ESTABLISHED, Entry


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def test_sockets(host: FakeHost) -> None:
    """Sockets are counted by family and state, listeners included."""
    sockets = host.take().outcome(SOCKETS)
    assert sockets is not None
    assert {pair: count for pair, count in sockets.get().items() if count} == {
        ("ipv4", "established"): 2,
        ("ipv4", "time_wait"): 3,
        ("ipv4", "listen"): 2,
    }


def test_local_ports(host: FakeHost) -> None:
    """Outgoing, listening and bound sockets use ports; the latter two block them."""
    ports = host.take().outcome(LOCAL_PORTS)
    assert ports is not None
    assert replace(ports.get(), settings=None, reuse=None) == LocalPorts(
        *(40000, 40009),
        reserved=0,
        usable=10,
        used=5,
        listeners=1,
        choosable=10,
        blocked=2,
        time_wait_hold=62.048,
    )


def test_pools(host: FakeHost) -> None:
    """Bound ports are used in every outbound pool; tcp_tw_reuse=2 gives loopback's back."""
    sample = host.take()
    assert listed(sample, "outbound") == [
        (HOST, BACKEND, "443", 2 + 2, 1, 0),
        ("127.0.0.1", "127.0.0.1", "5432", 2 + 0, 1, 1),
    ]
    assert listed(sample, "source") == [
        (HOST, "", "", 3, 1, 0),
        ("127.0.0.1", "", "", 3, 1, 0),
    ]
    inbound = tables(sample)["inbound"]
    assert (inbound.count, inbound.listed, inbound.unlisted_ports_used) == (1, (), 2)


def test_bound_port_is_not_served(host: FakeHost) -> None:
    """A port that is bound but not listening makes no inbound pool of its sockets."""
    host.kernel.entries.append(Entry(ESTABLISHED, HOST, 40006, BACKEND, 443))
    sample = host.take()
    assert tables(sample)["inbound"].count == 1
    assert listed(sample, "outbound")[0] == (HOST, BACKEND, "443", 4, 1, 0)


def test_limits(host: FakeHost) -> None:
    """The TIME_WAIT buckets come from sockstat and their sysctl."""
    limits = host.take().outcome(LIMITS)
    assert limits is not None
    assert limits.get() == (Resource("time_wait_buckets", 2, 262144),)


def test_odd_range(host: FakeHost) -> None:
    """In a range with an odd number of ports, one port does not count as choosable."""
    host.procfs.write(f"{IPV4}/ip_local_port_range", "40000 40010\n")
    assert tables(host.take())["outbound"].listed[0].usage.limit == 10


def test_each_source_is_asked_once(host: FakeHost) -> None:
    """One sample asks the kernel for two dumps, however many collectors read them."""
    host.take()
    assert [bool(request.states & MAIN_DUMP) for request in host.kernel.requests] == [
        *(False, False),  # those that listen, those bound only
        True,
    ]


NEED_POOLS = ("canary", "pool_owners")
NEED_BPF = ("failures", "active_closes")  # which no fake kernel runs


@pytest.mark.parametrize(
    "collector", [name for name in COLLECTORS if name not in {*NEED_POOLS, *NEED_BPF, "findings"}]
)
def test_collector_that_is_on_alone(tmp_path: Path, collector: str) -> None:
    """A collector gives the same result alone as among the others, which are then absent."""
    alone = FakeHost(tmp_path / "alone", collector).take()
    among_others = FakeHost(tmp_path / "all").take()
    assert [name for name, _outcome in alone.outcomes()] == [collector]
    key = COLLECTORS[collector].key
    assert alone.get(key) == among_others.get(key)


def test_findings_without_pools(tmp_path: Path) -> None:
    """Findings about pools, or queues, are left out if that collector is off; others stay."""
    alone = FakeHost(tmp_path / "alone", "findings").take()
    among_others = FakeHost(tmp_path / "all").take()
    outcome = alone.outcome(FINDINGS)
    assert outcome is not None
    assert not outcome.error
    everything = among_others.get(FINDINGS)
    told = [state for state in everything if state in alone.get(FINDINGS)]
    assert tuple(told) == alone.get(FINDINGS)
    assert {state.finding.name for state in set(everything) - set(told)} == {
        "port_range_too_small",
        "tw_reuse_off_under_pressure",
        "tw_reuse_refused",
        "bind_before_connect",
        "accept_queue_was_full",
    }


def test_needs_pools(tmp_path: Path) -> None:
    """Canary and owners are about listed pools: without their collector they are off."""
    assert list(FakeHost(tmp_path, *NEED_POOLS, "limits").take().outcomes()) == [
        ("limits", Outcome(0.0, (Resource("time_wait_buckets", 2, 262144),)))
    ]


def test_no_needless_dump(tmp_path: Path) -> None:
    """If no active collector reads the sockets, the kernel walks over none."""
    host = FakeHost(tmp_path, "limits")
    host.take()
    assert host.kernel.requests == []


def test_configuration_of_the_moment(host: FakeHost) -> None:
    """Each sample follows the loop's current configuration."""
    assert listed(host.take(), "outbound")[0][1] == BACKEND
    group = RemoteGroup("backends", (ip_network("10.0.0.0/24"),))
    host.loop.config = Config(groups=RemoteGroups([group]))
    assert listed(host.take(), "outbound")[0][1] == "backends"


def test_idle_host(host: FakeHost) -> None:
    """A host without a socket has a whole sample: no pools, and nothing used."""
    host.kernel.entries = []
    host.kernel.bound_only = []
    sample = host.take()
    assert failed(sample) == set()
    assert {direction: table.count for direction, table in tables(sample).items()} == {
        "outbound": 0,
        "inbound": 0,
        "source": 0,
    }
