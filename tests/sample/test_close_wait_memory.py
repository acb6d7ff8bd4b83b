"""What is remembered about sockets in CLOSE_WAIT from sample to sample."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket
from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.facts.tally import BPF, NETLINK
from tcp_pressure_exporter.sample import close_wait as module
from tcp_pressure_exporter.sample.close_wait import CloseWaitMemory, Known

A, B, C = (bytes([number]) * 8 for number in (1, 2, 3))


def socket(ends: bytes, cookie: bytes, inode: int = 0) -> CloseWaitSocket:
    owner_id = SocketId(inode, None)
    return CloseWaitSocket(cookie, ends, "eof_unread", bytes(16), owner_id, accepted=inode != 0)


def sockets(*cookies: bytes) -> list[CloseWaitSocket]:
    """Return sockets each of which has the same bytes as its cookie and for its ends."""
    return [socket(cookie, cookie) for cookie in cookies]


def memory_of(since: Mapping[bytes, float], by: str = NETLINK) -> CloseWaitMemory:
    """Return what a sample leaves of such sockets."""
    return CloseWaitMemory(by, {one: Known(when, one, by, 0) for one, when in since.items()})


def after(
    memory: CloseWaitMemory,
    found: list[CloseWaitSocket],
    now: float,
    ages: Mapping[bytes, float] | None = None,
    *,
    complete: bool = True,
) -> dict[bytes, float]:
    """Return since when each socket is known after a sample by netlink."""
    known = memory.after(found, NETLINK, ages or {}, now, complete=complete).known
    return {ends: one.since for ends, one in known.items()}


def test_new_sockets() -> None:
    """A new socket is known since now, or for as long as the kernel says."""
    since = after(CloseWaitMemory(), sockets(A, B), 2000.0, {A: 1830.5, C: 9.0})
    assert since == {A: 169.5, B: 2000.0}


def test_known_sockets() -> None:
    """The time since when a socket is known does not change, whatever the kernel says later."""
    assert after(memory_of({A: 100.0}), sockets(A), 200.0, {A: 0.5}) == {A: 100.0}


def test_sockets_that_are_gone() -> None:
    """If all sockets were seen, those not seen are gone."""
    memory = memory_of({A: 100.0, B: 150.0})
    assert after(memory, sockets(B, C), 200.0) == {B: 150.0, C: 200.0}


def test_sockets_that_were_not_looked_at() -> None:
    """If not all were seen, the others are remembered: they may be there next time."""
    memory = memory_of({A: 100.0, B: 150.0})
    since = after(memory, sockets(B, C), 200.0, complete=False)
    assert since == {A: 100.0, B: 150.0, C: 200.0}


def test_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """In addition to those seen, the oldest are remembered, up to a common limit."""
    monkeypatch.setattr(module, "MAX_REMEMBERED", 3)
    old = {bytes([number]) * 8: float(number) for number in range(10, 20)}
    since = after(memory_of(old), sockets(A, B), 200.0, complete=False)
    assert since == {A: 200.0, B: 200.0, bytes([10]) * 8: 10.0}


def test_stuck() -> None:
    """A socket is stuck after a second: applications that close at all close sooner."""
    memory = memory_of({A: 100.0, B: 100.25, C: 99.0})
    assert memory.stuck(sockets(A, B, C), 101.0) == sockets(A, C)


@pytest.mark.parametrize(
    ("before", "now", "same"),
    [(41, 41, True), (0, 0, True), (0, 41, True), (41, 42, False), (41, 0, False)],
    ids=["its owner", "still waiting", "accepted meanwhile", "another owner", "not accepted"],
)
def test_another_source(before: int, now: int, *, same: bool) -> None:
    """By another source's cookies a socket is known by its ends, unless its inode is another.

    A socket gets its inode when it is accepted, and has none before.
    """
    memory = CloseWaitMemory(BPF, {A: Known(100.0, B, BPF, before)})
    found = [socket(A, C, inode=now)]
    assert after(memory, found, 200.0, {C: 7.0}) == {A: 100.0 if same else 193.0}
    assert memory.must_ask(found, NETLINK) is not same


def test_same_source() -> None:
    """By the same source's cookies a socket with another cookie is another one."""
    memory = CloseWaitMemory(NETLINK, {A: Known(100.0, B, NETLINK, 41)})
    assert after(memory, [socket(A, C, inode=41)], 200.0) == {A: 200.0}
    assert after(memory, [socket(A, B, inode=42)], 200.0) == {A: 100.0}


def test_when_the_kernel_is_asked() -> None:
    """The kernel is asked for ages when a source is new and shows a socket that is not known."""
    assert CloseWaitMemory().must_ask(sockets(A), NETLINK)
    assert not CloseWaitMemory().must_ask([], NETLINK)
    memory = memory_of({A: 100.0})
    assert not memory.must_ask(sockets(A, B), NETLINK)
    assert not memory.must_ask(sockets(A), BPF)
    assert memory.must_ask(sockets(A, B), BPF)


def test_not_looked_at_since_another_source() -> None:
    """A socket that was last seen by an earlier source keeps its age when it is back, by either."""
    memory = CloseWaitMemory(BPF, {A: Known(100.0, B, BPF, 41), C: Known(150.0, C, BPF, 42)})
    memory = memory.after([socket(C, A, inode=42)], NETLINK, {}, 200.0, complete=False)
    assert after(memory, [socket(A, C, inode=41)], 205.0) == {A: 100.0}
    walked = memory.after([socket(A, B, inode=41)], BPF, {}, 205.0, complete=True)
    assert walked.known == {A: Known(100.0, B, BPF, 41)}


COOKIES = st.sampled_from([bytes([number]) * 8 for number in range(12)])
SAMPLES = st.lists(
    st.tuples(st.lists(COOKIES, max_size=4, unique=True), st.booleans(), st.booleans()),
    min_size=1,
    max_size=12,
)


@given(SAMPLES)
def test_over_time(samples: list[tuple[list[bytes], bool, bool]]) -> None:
    """Over any samples the memory stays bounded, and sockets always seen keep getting older.

    A socket seen in the last sample is remembered, however many others came before, and whichever
    source showed it.
    """
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "MAX_REMEMBERED", 6)
        memory, now = CloseWaitMemory(), 0.0
        unbroken: dict[bytes, float] = {}
        for ends, complete, walked in samples:
            now += 5
            by = BPF if walked else NETLINK
            found = [socket(one, by.encode() + one, inode=one[0]) for one in ends]
            memory = memory.after(found, by, {}, now, complete=complete)
            unbroken = {one: unbroken.get(one, now) for one in ends}
            known = set(memory.known)
            assert known == set(ends) if complete else known >= set(ends)
            assert len(known) <= 6
            for one, first in unbroken.items():
                assert memory.known[one].since <= first
            stuck = {one.ends for one in memory.stuck(found, now)}
            assert stuck >= {one for one, first in unbroken.items() if first < now}
