"""Asking which TIME_WAIT entries a connect() takes over, against a scripted socket."""

import errno
from collections.abc import Callable

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_range, port_set
from tcp_pressure_exporter.facts.questions import TakeOverAnswer
from tests.support.fakes.fake_tcp_socket import LOCAL_PORT_RANGE, V4, FakeKernel

MANY = port_range(40000, 49999)


def refuse(_port: int | None) -> int:
    return errno.EADDRNOTAVAIL


def ask(
    kernel: FakeKernel, ports: int, waits: Callable[[int], bool] = lambda _port: True
) -> TakeOverAnswer:
    return kernel.canary.take_over(V4, ports, waits)


def test_given_back() -> None:
    """Each success uses up an entry, so four are enough; the ends are those of the pool."""
    kernel = FakeKernel()
    assert ask(kernel, MANY) == TakeOverAnswer(4, 0)
    assert len(set(kernel.asked)) == 4
    assert {(sock.bound, sock.remote) for sock in kernel.opened} == {
        (("10.0.0.1", 0), ("10.0.0.2", 258))
    }


def test_refused() -> None:
    """Refusals cost nothing: it takes sixteen to call everything refused."""
    kernel = FakeKernel()
    kernel.connect = refuse
    assert ask(kernel, MANY) == TakeOverAnswer(16, 16)
    assert ask(kernel, port_set([40001, 40003])) == TakeOverAnswer(2, 2)


def test_some_refused() -> None:
    """If there are few ports, each is asked about, and refusals are counted."""
    kernel = FakeKernel()
    kernel.connect = lambda port: errno.EADDRNOTAVAIL if (port or 0) % 2 else 0
    assert ask(kernel, port_range(40000, 40005)) == TakeOverAnswer(6, 3)


def test_nothing_waits() -> None:
    """If no entry is waiting to be taken over, no socket is opened, and the search ends."""
    looked_at: list[int] = []

    def waits(port: int) -> bool:
        looked_at.append(port)
        return False

    kernel = FakeKernel()
    assert ask(kernel, MANY, waits) == TakeOverAnswer(0, 0)
    assert len(looked_at) == 64
    assert kernel.opened == []


def test_only_what_waits() -> None:
    """A port without an entry that is old enough is not asked about."""
    kernel = FakeKernel()
    assert ask(kernel, port_range(40000, 40009), lambda port: port == 40007).asked == 1
    assert kernel.asked == [40007]


@pytest.mark.parametrize("error", [errno.ENETUNREACH, errno.EACCES])
def test_no_way_there(error: int) -> None:
    """A failure for another reason says nothing about the entry."""
    kernel = FakeKernel()
    kernel.connect = lambda _port: error
    assert ask(kernel, MANY) == TakeOverAnswer(0, 0)


def test_bind_refused() -> None:
    """An address that is no longer here says nothing either."""
    kernel = FakeKernel()
    kernel.bind_error = errno.EADDRNOTAVAIL
    assert ask(kernel, MANY) == TakeOverAnswer(0, 0)


def test_old_kernel() -> None:
    """A kernel that cannot be asked about single ports (before 6.3) loses no entry."""
    kernel = FakeKernel()
    kernel.refused[LOCAL_PORT_RANGE] = errno.ENOPROTOOPT
    assert ask(kernel, MANY) == TakeOverAnswer(0, 0)
    assert kernel.asked == []


def test_escape() -> None:
    """A SYN that leaves here too switches the canary off for good."""
    kernel = FakeKernel()
    kernel.connect = lambda _port: errno.EINPROGRESS
    for _ in range(2):
        with pytest.raises(SourceError, match=r"connect\(\) sent a SYN"):
            ask(kernel, MANY)
    assert len(kernel.opened) == 1
