"""One program instead of two: it counts what they count, and is refused when they are."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing

import pytest

from tcp_pressure_exporter.facts.failures import CONNECT, NO_PORT, FailureKind
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.active_closes import ActiveCloses
from tcp_pressure_exporter.sources.bpf.loading import BpfObject
from tcp_pressure_exporter.sources.bpf.port_failures import PortFailures
from tcp_pressure_exporter.sources.bpf.state_changes import open_state_changes
from tests.sources.bpf.counted_closes import closers
from tests.support.fakes.bpf_calls import Refusing, Unattachable
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here, time_wait_there
from tests.support.labs.network_namespace import set_sysctl

PROGRAMS = {"state_changes": ("count_state_changes", "watch_caller")}


@pytest.fixture
def counting(lab: Lab) -> Iterator[tuple[PortFailures, ActiveCloses]]:  # noqa: ARG001 - in its namespace
    """Count, in a namespace with ten ports."""
    set_sysctl("ip_local_port_range", "40000 40009")
    set_sysctl("tcp_tw_reuse", 0)
    failures, closes = open_state_changes()
    assert not isinstance(failures, Missing), failures.reason
    assert not isinstance(closes, Missing), closes.reason
    with closing(failures):
        yield failures, closes


@pytest.mark.bpf
def test_both(lab: Lab, counting: tuple[PortFailures, ActiveCloses]) -> None:
    """Refused connections and active closes count side by side, each once."""
    failures, closes = counting
    for _ in range(3):
        time_wait_here(lab.connect("127.0.0.9"))
    time_wait_there(lab.connect("127.0.0.9"))
    assert lab.connect_until_full("127.0.0.9") == 7
    for _ in range(4):
        client = lab.keep(socket.socket())
        assert client.connect_ex(("127.0.0.9", SERVER_PORT)) == errno.EADDRNOTAVAIL
    found = failures.port_failures()
    kinds = [failure.kind for failure in found.rows]
    # connect_until_full ended with a failure, too.
    assert (kinds, list(found.rows.values())) == ([FailureKind(CONNECT, NO_PORT)], [5])
    assert sorted(number for number in closers(closes).values()) == [1, 3]


@pytest.mark.bpf
def test_full_tables(lab: Lab, counting: tuple[PortFailures, ActiveCloses]) -> None:
    """Each has its own tables: one's rows take no room from the other."""
    failures, closes = counting
    assert lab.connect_until_full("127.0.0.9") == 10
    for port in range(40000, 40010):
        lab.listen("127.0.0.2", port)
    client = lab.keep(socket.socket())
    for port in range(1, 4201):
        assert client.connect_ex(("127.0.0.9", port)) == errno.EADDRNOTAVAIL
    counts = failures.port_failures()
    assert sum(counts.rows.values()) + sum(counts.unnamed.values()) == 4201
    assert closers(closes) == {}


def test_refused() -> None:
    """If it does not load, both are missing, for the kernel's reason."""
    calls = Refusing()
    failures, closes = open_state_changes(lambda name: BpfObject(name, calls))
    assert failures == closes == Missing("BPF object state_changes: EPERM: Operation not permitted")


def test_refused_at_the_attachment() -> None:
    """If it loads but cannot be attached, it is released."""
    closed: list[int] = []
    calls = Unattachable(PROGRAMS)
    failures, closes = open_state_changes(lambda name: BpfObject(name, calls, closed.append))
    assert failures == closes == Missing("BPF object state_changes: EINVAL: Invalid argument")
    assert sorted(closed) == [10, 11]
