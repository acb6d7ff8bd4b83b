"""Asking which held ports are hidden, against a scripted socket."""

import errno

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.questions import NOWHERE, HiddenAnswer
from tests.support.fakes.fake_tcp_socket import LOCAL_PORT_RANGE, V4, FakeKernel

HIDDEN = {40003, 40005}


@pytest.fixture
def kernel() -> FakeKernel:
    kernel = FakeKernel()
    kernel.connect = lambda port: errno.EADDRNOTAVAIL if port in HIDDEN else 0
    return kernel


def hidden_ports(kernel: FakeKernel, ports: int) -> HiddenAnswer:
    return kernel.canary.hidden_ports(ports, [NOWHERE])


def test_all_are_asked(kernel: FakeKernel) -> None:
    """If there are few ports, each is asked about once, separately."""
    ports = range(40000, 40008)
    assert hidden_ports(kernel, port_set(ports)) == HiddenAnswer(8, 2)
    assert sorted(port for port in kernel.asked if port) == list(ports)
    assert {sock.remote for sock in kernel.opened} == {("127.101.127.101", 1)}
    assert {sock.bound for sock in kernel.opened} == {("127.101.127.101", 0)}


def test_many(kernel: FakeKernel) -> None:
    """Of many ports, 64 are asked about, different ones each time."""
    ports = port_set(range(30000, 60000))
    assert hidden_ports(kernel, ports).asked == 64
    hidden_ports(kernel, ports)
    assert len(set(kernel.asked)) > 64


def test_none(kernel: FakeKernel) -> None:
    """If no port is held, no socket is opened."""
    assert hidden_ports(kernel, 0) == HiddenAnswer(0, 0)
    assert kernel.opened == []


def test_old_kernel(kernel: FakeKernel) -> None:
    """A kernel that cannot be asked about single ports says nothing about any."""
    kernel.refused[LOCAL_PORT_RANGE] = errno.ENOPROTOOPT
    asked, hidden, reason = hidden_ports(kernel, port_set(range(40000, 40008)))
    assert (asked, hidden) == (0, 0)
    assert reason.startswith("IP_LOCAL_PORT_RANGE (Linux 6.3): ENOPROTOOPT")


def test_changed_range(kernel: FakeKernel) -> None:
    """If the kernel ignored the requested port and chose another, that says nothing about it."""
    kernel.chosen = 50000
    assert hidden_ports(kernel, port_set([40001, 40002, 40003])) == HiddenAnswer(1, 1)


def test_bind_refused(kernel: FakeKernel) -> None:
    """An address that is not this host's is refused by bind(): that is not a hidden port."""
    kernel.bind_error = errno.EADDRNOTAVAIL
    asked, hidden, reason = hidden_ports(kernel, port_set(range(40000, 40008)))
    assert (asked, hidden) == (0, 0)
    assert reason.startswith("bind(): EADDRNOTAVAIL: ")
    assert len(kernel.opened) == 1, "the first refusal tells of all"


@pytest.mark.parametrize("error", [errno.ENETUNREACH, errno.EINVAL])
def test_no_way_there(kernel: FakeKernel, error: int) -> None:
    """If there is no route to the destination, nothing is said about any port."""
    kernel.connect = lambda _port: error
    asked, hidden, reason = hidden_ports(kernel, port_set(range(40000, 40008)))
    assert (asked, hidden) == (0, 0)
    assert reason.startswith(f"connect(): {errno.errorcode[error]}: ")


def test_next_destination(kernel: FakeKernel) -> None:
    """If the first destination cannot be used, the next one serves, and none after it."""
    kernel.not_here = {"127.101.127.101"}
    ports = port_set(range(40000, 40008))
    assert kernel.canary.hidden_ports(ports, [NOWHERE, V4, NOWHERE]) == HiddenAnswer(8, 2)
    assert [sock.bound for sock in kernel.opened] == [None, *[("10.0.0.1", 0)] * 8]


def test_escape(kernel: FakeKernel) -> None:
    """A SYN that leaves here too switches the canary off for good."""
    kernel.connect = lambda _port: errno.EINPROGRESS
    for _ in range(2):
        with pytest.raises(SourceError, match=r"connect\(\) sent a SYN"):
            hidden_ports(kernel, port_set([40001]))
    assert len(kernel.opened) == 1


def test_check(kernel: FakeKernel) -> None:
    """Whether a canary can be kept silent can be asked before there is anything to probe."""
    assert kernel.canary.missing() is None
    kernel.refused = {(6, 19): errno.EPERM, (6, 30): errno.EOPNOTSUPP}  # repair, fast open
    reason = kernel.canary.missing() or ""
    assert reason.startswith("needs CAP_NET_ADMIN because fast open is off")
    assert kernel.asked == []
    assert all(sock.closed for sock in kernel.opened)
