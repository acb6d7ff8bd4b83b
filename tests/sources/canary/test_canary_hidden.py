"""Asking which held ports are hidden, against a scripted socket."""

import errno

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_set
from tests.support.fakes.fake_tcp_socket import LOCAL_PORT_RANGE, FakeKernel

HIDDEN = {40003, 40005}


@pytest.fixture
def kernel() -> FakeKernel:
    kernel = FakeKernel()
    kernel.connect = lambda port: errno.EADDRNOTAVAIL if port in HIDDEN else 0
    return kernel


def test_all_are_asked(kernel: FakeKernel) -> None:
    """A few ports are all asked about, once, by themselves."""
    ports = range(40000, 40008)
    assert kernel.canary.hidden_ports(port_set(ports)) == (8, 2)
    assert sorted(port for port in kernel.asked if port) == list(ports)
    assert {sock.remote for sock in kernel.opened} == {("127.101.127.101", 1)}
    assert {sock.bound for sock in kernel.opened} == {("127.101.127.101", 0)}


def test_many(kernel: FakeKernel) -> None:
    """Of many ports 64 are asked about, other ones each time."""
    ports = port_set(range(30000, 60000))
    assert kernel.canary.hidden_ports(ports)[0] == 64
    kernel.canary.hidden_ports(ports)
    assert len(set(kernel.asked)) > 64


def test_none(kernel: FakeKernel) -> None:
    """Where no port is held, no socket is opened."""
    assert kernel.canary.hidden_ports(0) == (0, 0)
    assert kernel.opened == []


def test_old_kernel(kernel: FakeKernel) -> None:
    """A kernel that cannot be asked about single ports says nothing of any."""
    kernel.refused[LOCAL_PORT_RANGE] = errno.ENOPROTOOPT
    assert kernel.canary.hidden_ports(port_set(range(40000, 40008))) == (0, 0)


def test_changed_range(kernel: FakeKernel) -> None:
    """Where the kernel ignored the port asked for and chose another, that says nothing of it."""
    kernel.chosen = 50000
    assert kernel.canary.hidden_ports(port_set([40001, 40002, 40003])) == (1, 1)


def test_escape(kernel: FakeKernel) -> None:
    """A SYN that leaves here too switches the canary off for good."""
    kernel.connect = lambda _port: errno.EINPROGRESS
    for _ in range(2):
        with pytest.raises(SourceError, match=r"connect\(\) sent a SYN"):
            kernel.canary.hidden_ports(port_set([40001]))
    assert len(kernel.opened) == 1


def test_check(kernel: FakeKernel) -> None:
    """Whether a canary can be kept silent can be asked before there is anything to probe."""
    assert kernel.canary.missing() is None
    kernel.refused = {(6, 19): errno.EPERM, (6, 30): errno.EOPNOTSUPP}  # repair, fast open
    reason = kernel.canary.missing() or ""
    assert reason.startswith("needs CAP_NET_ADMIN because fast open is off")
    assert kernel.asked == []
    assert all(sock.closed for sock in kernel.opened)
