"""Counters of failures by owner: listed and unlisted add up, and none ever falls."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.failures import (
    BIND_FAILURES,
    CONNECT,
    CONNECT_FAILURES,
    NO_PORT,
    NOBODY,
    PORT_TAKEN,
    FailureCounts,
    FailureKind,
    PortFailure,
)
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.sample.counted.failures import (
    FailureMemory,
    FailureOwner,
    PortFailures,
    failure_owner,
)
from tests.support.messages.socket_entries import sixteen_bytes

NO_PORTS, PORTS_TAKEN = FailureKind(CONNECT, NO_PORT), FailureKind(CONNECT, PORT_TAKEN)
HERE, FAR = sixteen_bytes("10.0.0.2"), sixteen_bytes("10.0.0.9")
HALF_LIFE = 300.0


def row(process: str, kind: FailureKind = NO_PORTS, cgroup_id: int = 1) -> PortFailure:
    return PortFailure(kind, cgroup_id, process, HERE, FAR, 443)


def named(failure: PortFailure, service: str = "") -> FailureOwner:
    return failure_owner(failure, service, RemoteGroups())


def test_binds() -> None:
    """If bind() is counted, its kinds have totals too, and its rows have no remote end."""
    any_port = PortFailure(BIND_FAILURES[0], 1, "a", HERE, NOBODY, 0)
    taken = PortFailure(BIND_FAILURES[1], 1, "a", HERE, NOBODY, 80)
    counts = FailureCounts(
        {any_port: 3, taken: 2, row("a"): 1}, {}, kinds=CONNECT_FAILURES + BIND_FAILURES
    )
    found = FailureMemory().after(counts, named, 2, 0.0).published(counts)
    assert found.counts("bind")
    assert found.totals == {
        NO_PORTS: 1,
        PORTS_TAKEN: 0,
        BIND_FAILURES[0]: 3,
        BIND_FAILURES[1]: 2,
    }
    assert [(owner[2:], count) for owner, count in found.listed.items()] == [
        (("10.0.0.2", "", ""), 3),
        (("10.0.0.2", "", "80"), 2),
    ]
    assert found.unlisted == {
        NO_PORTS: 1,
        PORTS_TAKEN: 0,
        BIND_FAILURES[0]: 0,
        BIND_FAILURES[1]: 0,
    }


class Counted:
    """Samples taken one after another, with room for `top` owners."""

    def __init__(self, top: int) -> None:
        self.memory = FailureMemory()
        self.top = top
        self.now = 0.0

    def sample(self, seconds: float = 5.0, unnamed: int = 0, **rows: int) -> PortFailures:
        """Take a sample of processes and their counts, some seconds after the last."""
        self.now += seconds
        counts = FailureCounts(
            {row(process): count for process, count in rows.items()},
            {NO_PORTS: unnamed} if unnamed else {},
        )
        self.memory = self.memory.after(counts, named, self.top, self.now)
        return self.memory.published(counts)


def listed(found: PortFailures) -> dict[str, int]:
    return {owner.owner.process: count for owner, count in found.listed.items()}


def test_nothing_failed() -> None:
    """All kinds are there from the start, at 0."""
    assert Counted(10).sample() == PortFailures(
        totals={NO_PORTS: 0, PORTS_TAKEN: 0}, listed={}, unlisted={NO_PORTS: 0, PORTS_TAKEN: 0}
    )


def test_from_the_start() -> None:
    """If there is room, every owner counts from the start, and nothing is unlisted."""
    counted = Counted(2)
    assert listed(counted.sample(a=3, b=1)) == {"a": 3, "b": 1}
    found = counted.sample(a=3, b=6)
    assert listed(found) == {"a": 3, "b": 6}
    assert (found.totals[NO_PORTS], found.unlisted[NO_PORTS]) == (9, 0)


def test_no_room() -> None:
    """An owner that fails a little more than a listed one does not take its place."""
    counted = Counted(1)
    counted.sample(a=10)
    found = counted.sample(a=10, b=14)
    assert listed(found) == {"a": 10}
    assert found.unlisted[NO_PORTS] == 14


def test_making_room() -> None:
    """One that fails half as often again does; the one that made room is then unlisted."""
    counted = Counted(1)
    counted.sample(a=10)
    found = counted.sample(a=10, b=16)
    assert listed(found) == {"b": 16}
    assert found.unlisted[NO_PORTS] == 10


def test_coming_again() -> None:
    """An owner listed before starts at 0, with only new failures; its past stays unlisted."""
    counted = Counted(1)
    counted.sample(a=10)
    counted.sample(a=10, b=20)
    found = counted.sample(a=50, b=20)
    assert listed(found) == {"a": 40}
    assert found.unlisted[NO_PORTS] == 30


def test_long_silent() -> None:
    """Ten half-lives after a thousand failures, two of another owner matter more."""
    counted = Counted(1)
    counted.sample(a=1000)
    assert listed(counted.sample(10 * HALF_LIFE, a=1000, b=2)) == {"b": 2}


def test_silence_alone() -> None:
    """Nobody is taken from the list for being silent."""
    counted = Counted(1)
    counted.sample(a=1)
    assert listed(counted.sample(100 * HALF_LIFE, a=1)) == {"a": 1}


def test_no_room_in_the_kernel() -> None:
    """What the kernel could not keep by owner is part of the total, and unlisted."""
    found = Counted(10).sample(a=1, unnamed=7)
    assert (found.totals[NO_PORTS], found.unlisted[NO_PORTS]) == (8, 7)


def test_name_that_becomes_known() -> None:
    """A service that becomes known later counts from then on; nothing moves, nothing falls."""
    memory = FailureMemory().after(FailureCounts({row("a"): 5}, {}), named, 10, 1.0)
    counts = FailureCounts({row("a"): 7}, {})
    memory = memory.after(counts, lambda failure: named(failure, "a.service"), 10, 6.0)
    owners = {owner.owner: count for owner, count in memory.published(counts).listed.items()}
    assert owners == {Owner("", "a"): 5, Owner("a.service", "a"): 2}


def test_one_name_for_several_rows() -> None:
    """A restarted service has another cgroup, and continues its counter."""
    counts = FailureCounts({row("a"): 5, row("a", cgroup_id=2): 3}, {})
    found = FailureMemory().after(counts, named, 10, 1.0).published(counts)
    assert listed(found) == {"a": 8}


STEP = st.tuples(
    st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 40)), st.floats(0, 2000.0)
)


@given(st.lists(STEP, max_size=12), st.integers(1, 4))
def test_sums(steps: list[tuple[dict[str, int], float]], top: int) -> None:
    """Listed and unlisted add up to the totals at every sample, and no counter ever falls.

    A counter that is no longer listed, or was not before, has no value to fall from.
    """
    memory, now = FailureMemory(), 0.0
    counts: Counter[PortFailure] = Counter()
    before: PortFailures | None = None
    for failed, seconds in steps:
        now += seconds
        for process, number in failed.items():
            counts[row(process, NO_PORTS if process < "e" else PORTS_TAKEN)] += number
        kernel = FailureCounts(dict(counts), {})
        memory = memory.after(kernel, named, top, now)
        found = memory.published(kernel)
        assert len(found.listed) <= top
        for kind in (NO_PORTS, PORTS_TAKEN):
            shown = sum(count for owner, count in found.listed.items() if owner.kind == kind)
            assert shown + found.unlisted[kind] == found.totals[kind]
            assert found.unlisted[kind] >= (before.unlisted[kind] if before else 0)
        for owner, number in found.listed.items():
            assert number >= (before.listed.get(owner, 0) if before else 0)
        before = found


@pytest.mark.parametrize("process", ['x"\n\\', "", "\N{REPLACEMENT CHARACTER}"])
def test_text_stays(process: str) -> None:
    """Any process name is kept as it is."""
    assert named(row(process)).owner.process == process
