"""A failing source: which collectors it takes away, and what is logged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.fakes.fake_host import MAIN_DUMP, FakeHost, failed, tables
from tests.support.fakes.fake_procfs import IPV4
from tests.support.messages.datagrams import LISTEN

Breakage = Callable[[FakeHost], None]
# The canary needs known pools, as do owners and some findings.
POOLS = {"pools", "canary", "pool_owners", "findings"}


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def unreadable(name: str) -> Breakage:
    return lambda host: host.procfs.make_unreadable(name)


def absent(name: str) -> Breakage:
    return lambda host: host.procfs.remove(name)


def holding(name: str, content: str | bytes) -> Breakage:
    return lambda host: host.procfs.write(name, content)


def refused(states: int) -> Breakage:
    return lambda host: host.refuse(states)


@pytest.mark.parametrize(
    ("breakage", "failing"),
    [
        (unreadable(f"{IPV4}/ip_local_port_range"), {"local_ports", *POOLS}),
        (absent(f"{IPV4}/ip_local_port_range"), {"local_ports", *POOLS}),
        (holding(f"{IPV4}/ip_local_port_range", b"\xff"), {"local_ports", *POOLS}),
        (holding(f"{IPV4}/ip_local_reserved_ports", "x"), {"local_ports", *POOLS}),
        (unreadable(f"{IPV4}/tcp_tw_reuse"), {"sysctls", *POOLS}),
        (absent(f"{IPV4}/tcp_timestamps"), POOLS),
        (holding(f"{IPV4}/tcp_tw_reuse_delay", "soon"), {"sysctls", *POOLS}),
        (unreadable("thread-self/net/sockstat"), {"limits", "findings"}),
        (holding("thread-self/net/sockstat", "TCP: inuse 1\n"), {"limits", "findings"}),
        (absent(f"{IPV4}/tcp_max_tw_buckets"), {"limits", "findings"}),
        (unreadable("thread-self/net/netstat"), {"kernel_events", "findings"}),
        (absent("thread-self/net/snmp"), {"kernel_events", "findings"}),
        (unreadable("thread-self/net/stat/nf_conntrack"), {"kernel_events", "findings"}),
        (refused(MAIN_DUMP), {"sockets", "local_ports", "close_wait", *POOLS}),
        (refused(1 << LISTEN), {"sockets", "local_ports", "listen_queues", "close_wait", *POOLS}),
    ],
)
def test_failing_source(host: FakeHost, breakage: Breakage, failing: set[str]) -> None:
    """A source that fails takes away the collectors that need it, and leaves the others."""
    breakage(host)
    sample = host.take()
    assert failed(sample) == failing
    for name, outcome in sample.outcomes():
        # The findings that can still be evaluated stay.
        assert (outcome.value is None) == (name in failing - {"findings"})


def test_one_line_per_change_of_state(host: FakeHost) -> None:
    """A collector that begins to fail says so once, and once when it works again."""
    host.take()
    host.procfs.make_unreadable("thread-self/net/netstat")
    for _ in range(3):
        host.take()
    assert host.logged_since(0) == [("collector fails", "kernel_events,findings")]
    assert host.logged.entries[0]["reason"] == "/proc/net/netstat: Is a directory"
    host.procfs.write("thread-self/net/netstat", "TcpExt: TW\nTcpExt: 9\n")
    for _ in range(3):
        host.take()
    assert host.logged_since(1) == [("collector works again", "kernel_events,findings")]


def test_recovery(host: FakeHost) -> None:
    """After a failed dump the next sample is whole again."""
    before = host.take()
    host.refuse(MAIN_DUMP)
    host.take()
    host.refuse(0)
    after = host.take()
    assert failed(after) == set()
    assert tables(after) == tables(before)
