"""What is remembered about sockets in CLOSE_WAIT from sample to sample."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket
from tcp_pressure_exporter.facts.sockets import UNKNOWN_SOCKET
from tcp_pressure_exporter.sample import close_wait as module
from tcp_pressure_exporter.sample.close_wait import CloseWaitMemory

A, B, C = (bytes([number]) * 8 for number in (1, 2, 3))


def sockets(*cookies: bytes) -> list[CloseWaitSocket]:
    return [CloseWaitSocket(cookie, "eof_unread", bytes(16), UNKNOWN_SOCKET) for cookie in cookies]


def test_new_sockets() -> None:
    """A new socket is known since now, or for as long as the kernel says."""
    since = CloseWaitMemory().seen(sockets(A, B), {A: 1830.5, C: 9.0}, 2000.0, complete=True)
    assert since == {A: 169.5, B: 2000.0}


def test_known_sockets() -> None:
    """The time since when a socket is known does not change, whatever the kernel says later."""
    memory = CloseWaitMemory({A: 100.0})
    assert memory.seen(sockets(A), {A: 0.5}, 200.0, complete=True) == {A: 100.0}


def test_sockets_that_are_gone() -> None:
    """If all sockets were seen, those not seen are gone."""
    memory = CloseWaitMemory({A: 100.0, B: 150.0})
    assert memory.seen(sockets(B, C), {}, 200.0, complete=True) == {B: 150.0, C: 200.0}


def test_sockets_that_were_not_looked_at() -> None:
    """If not all were seen, the others are remembered: they may be there next time."""
    memory = CloseWaitMemory({A: 100.0, B: 150.0})
    since = memory.seen(sockets(B, C), {}, 200.0, complete=False)
    assert since == {A: 100.0, B: 150.0, C: 200.0}


def test_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In addition to those seen, the oldest are remembered, up to a common limit."""
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    old = {bytes([number]) * 8: float(number) for number in range(10, 20)}
    since = CloseWaitMemory(old).seen(sockets(A, B), {}, 200.0, complete=False)
    assert since == {A: 200.0, B: 200.0, bytes([10]) * 8: 10.0}


def test_stuck() -> None:
    """A socket is stuck after a second: applications that close at all close sooner."""
    memory = CloseWaitMemory({A: 100.0, B: 100.25, C: 99.0})
    assert memory.stuck(sockets(A, B, C), 101.0) == sockets(A, C)


COOKIES = st.sampled_from([bytes([number]) * 8 for number in range(12)])
SAMPLES = st.lists(
    st.tuples(st.lists(COOKIES, max_size=4, unique=True), st.booleans()), min_size=1, max_size=12
)


@given(SAMPLES)
def test_over_time(samples: list[tuple[list[bytes], bool]]) -> None:
    """Over any samples the memory stays bounded, and sockets always seen keep getting older.

    A socket seen in the last sample is remembered, however many others came before.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_REMEMBERED", 6)
        memory, now = CloseWaitMemory(), 0.0
        unbroken: dict[bytes, float] = {}
        for cookies, complete in samples:
            now += 5
            since = memory.seen(sockets(*cookies), {}, now, complete=complete)
            unbroken = {cookie: unbroken.get(cookie, now) for cookie in cookies}
            assert set(since) == set(cookies) if complete else set(since) >= set(cookies)
            assert len(since) <= 6
            for cookie, first in unbroken.items():
                assert since[cookie] <= first
            memory = CloseWaitMemory(since)
            stuck = {socket.cookie for socket in memory.stuck(sockets(*cookies), now)}
            assert stuck >= {cookie for cookie, first in unbroken.items() if first < now}
