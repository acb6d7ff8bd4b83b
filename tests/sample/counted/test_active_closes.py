"""Counters of closers: which pools and processes are listed, and that nothing is lost or falls."""

from collections import Counter
from collections.abc import Collection
from ipaddress import ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import NetworkPorts, PoolKey
from tcp_pressure_exporter.facts.time_wait import (
    CHOSEN,
    OUTSIDE,
    PRIVILEGED,
    ActiveClose,
    CloseCounts,
    UnnamedCloses,
)
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.explicit import SourceRanges
from tcp_pressure_exporter.pools.groups import GroupKey, RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.counted.active_closes import (
    ActiveCloses,
    ClosedPool,
    CloseMemory,
    Closer,
    closed_pool,
    names_of,
    pools_in_view,
)
from tests.support.messages.socket_entries import sixteen_bytes

HERE, PORT = sixteen_bytes("10.0.0.2"), (443).to_bytes(2)
HALF_LIFE = 300.0


def key_of(remote: int) -> PoolKey:
    return PoolKey(HERE, sixteen_bytes(f"10.0.1.{remote}"), PORT)


def row(
    process: str, remote: int = 1, *, accepted: bool = False, generation: int = 0, cgroup: int = 1
) -> ActiveClose:
    return ActiveClose(generation, accepted, *key_of(remote)[:4], CHOSEN, cgroup, process)


def table(used: dict[int, int]) -> PoolTable:
    """Return a table of pools towards some remotes, with these numbers of 100 ports used."""
    listed = [
        ListedPool(key_of(remote), "10.0.0.2", f"10.0.1.{remote}", "443", Usage(n, 100, n, None))
        for remote, n in used.items()
    ]
    return PoolTable(len(listed), 1.0, 1.0, tuple(listed), 0, 0)


class Counted:
    """Samples taken one after another."""

    def __init__(self, top: int = 10) -> None:
        self.memory = CloseMemory()
        self.top = top
        self.now = 0.0
        self.outbound = {1: 50}
        self.inbound: dict[int, int] = {}

    def sample(
        self, rows: dict[ActiveClose, int], seconds: float = 5.0, unnamed: int = 0
    ) -> ActiveCloses:
        """Take a sample of what the kernel has counted so far."""
        self.now += seconds
        tables = {
            OUTBOUND: table(self.outbound),
            INBOUND: table(self.inbound),
            SOURCE: table({9: 90}),
        }
        counts = CloseCounts(rows, {UnnamedCloses(0, accepted=False): unnamed} if unnamed else {})
        pools = pools_in_view(tables, ListingRule(top=self.top))
        name = names_of(
            pools,
            lambda close: closed_pool(close, RemoteGroups(), SourceRanges()),
            lambda close: Owner("", close.process),
        )
        self.memory = self.memory.after(counts, name, pools, self.now)
        return self.memory.published


def listed(found: ActiveCloses) -> dict[str, int]:
    return {closer.owner.process: count for closer, count in found.listed.items()}


def remotes(found: ActiveCloses) -> list[str]:
    return sorted({closer.pool.remote_address for closer in found.listed})


def test_nothing_closed() -> None:
    """Both directions are there from the start, at 0."""
    assert Counted().sample({}) == ActiveCloses({}, {OUTBOUND: 0, INBOUND: 0})


def test_listed_pools() -> None:
    """Closers of listed pools are named, by direction; those of others are unlisted."""
    counted = Counted()
    counted.inbound = {2: 50}
    found = counted.sample(
        {
            row("proxy"): 7,
            row("proxy", 2): 3,
            row("web", 2, accepted=True): 4,
            row("web", 1, accepted=True): 2,
        },
        unnamed=5,
    )
    listed = {
        Closer(ClosedPool(OUTBOUND, "10.0.0.2", "10.0.1.1", "443"), Owner("", "proxy")): 7,
        Closer(ClosedPool(INBOUND, "10.0.0.2", "10.0.1.2", "443"), Owner("", "web")): 4,
    }
    assert found == ActiveCloses(listed, {OUTBOUND: 8, INBOUND: 2}, recent=listed)


def test_three_closers() -> None:
    """Three closers of a pool are listed; a fourth takes a place with half as many again."""
    counted = Counted()
    first = {row("a"): 40, row("b"): 30, row("c"): 20}
    assert listed(counted.sample({**first, row("d"): 29})) == {"a": 40, "b": 30, "d": 29}
    found = counted.sample({**first, row("c"): 43, row("d"): 29})
    assert listed(found) == {"a": 40, "b": 30, "d": 29}, "43 are less than 1.5 times 29"
    assert found.unlisted[OUTBOUND] == 43
    found = counted.sample({**first, row("c"): 45, row("d"): 29})
    assert listed(found) == {"a": 40, "b": 30, "c": 2}
    assert found.unlisted[OUTBOUND] == 43 + 29


def test_pool_that_leaves_the_list() -> None:
    """The closers of a pool that is no longer listed move to the rest; later they begin at 0."""
    counted = Counted()
    counted.sample({row("a"): 10})
    counted.outbound = {}
    found = counted.sample({row("a"): 12})
    assert (found.listed, found.unlisted[OUTBOUND]) == ({}, 12)
    counted.outbound = {1: 50}
    found = counted.sample({row("a"): 17})
    assert (listed(found), found.unlisted[OUTBOUND]) == ({"a": 5}, 12)


def test_five_fullest_pools() -> None:
    """The five fullest pools with closers are shown, over both directions; others take no place."""
    counted = Counted()
    counted.outbound = {1: 20, 2: 30, 3: 40, 4: 50, 9: 99}
    counted.inbound = {5: 60, 6: 70}
    rows = {row("a", remote, accepted=remote > 4): 1 for remote in range(1, 7)}
    assert remotes(counted.sample(rows)) == [f"10.0.1.{n}" for n in (2, 3, 4, 5, 6)]
    counted.outbound[1] = 32
    assert "10.0.1.1" not in remotes(counted.sample(rows)), "not a tenth fuller"
    counted.outbound[1] = 34
    found = counted.sample(rows)
    assert remotes(found) == [f"10.0.1.{n}" for n in (1, 3, 4, 5, 6)]
    assert found.unlisted == {OUTBOUND: 2, INBOUND: 0}, "that of 1 before, and that of 2"


def test_fewer_pools() -> None:
    """If fewer pools are listed (--pool.top), no more pools have closers."""
    counted = Counted(top=1)
    counted.outbound = {1: 50, 2: 60}
    assert remotes(counted.sample({row("a"): 9, row("b", 2): 1})) == ["10.0.1.2"]


def test_emptied_table() -> None:
    """A row that starts again in another generation continues its counter."""
    counted = Counted()
    counted.sample({row("a"): 10})
    found = counted.sample({row("a"): 12, row("a", generation=1): 3})
    assert listed(found) == {"a": 15}
    assert listed(counted.sample({row("a", generation=1): 4})) == {"a": 16}
    assert listed(counted.sample({row("a", generation=1): 4, row("a", generation=2): 1})) == {
        "a": 17
    }


def test_several_cgroups() -> None:
    """A restarted service has another cgroup, and continues its counter."""
    assert listed(Counted().sample({row("a"): 5, row("a", cgroup=2): 3})) == {"a": 8}


GROUPS = RemoteGroups([RemoteGroup("lb", (ip_network("10.0.1.0/24"),))])
RANGES = SourceRanges([NetworkPorts(HERE, 128, 20000, 29999)])
ELSEWHERE = sixteen_bytes("10.0.0.3")


@pytest.mark.parametrize(
    ("local", "ports", "groups", "expected"),
    [
        (HERE, CHOSEN, RemoteGroups(), key_of(7)),
        (HERE, PRIVILEGED, RemoteGroups(), key_of(7)._replace(ports="1-1023")),
        (HERE, OUTSIDE, RemoteGroups(), key_of(7)._replace(ports="20000-29999")),
        (
            ELSEWHERE,
            OUTSIDE,
            RemoteGroups(),
            key_of(7)._replace(local_address=ELSEWHERE, ports="outside"),
        ),
        (HERE, CHOSEN, GROUPS, GroupKey(HERE, "lb", PORT)),
        (HERE, OUTSIDE, GROUPS, GroupKey(HERE, "lb", PORT, ports="20000-29999")),
    ],
)
def test_pool_of_a_row(
    local: bytes, ports: str, groups: RemoteGroups, expected: PoolKey | GroupKey
) -> None:
    """A row belongs to the pool that its sockets are counted in: by group, and by local ports."""
    close = row("a", 7)._replace(local_address=local, local_ports=ports)
    assert closed_pool(close, groups, RANGES) == (OUTBOUND, expected)


def test_accepted() -> None:
    """The local ports of an accepted connection say nothing: its pool is the remote's."""
    close = row("a", 7, accepted=True)._replace(local_ports=OUTSIDE)
    assert closed_pool(close, RemoteGroups(), RANGES) == (INBOUND, key_of(7))


STEP = st.tuples(
    st.dictionaries(
        st.tuples(st.sampled_from("abcde"), st.integers(1, 8), st.booleans()), st.integers(1, 40)
    ),
    st.floats(0, 2000.0),
    st.sets(st.integers(1, 8), max_size=8),
    st.integers(0, 5),
    st.booleans(),
)
Closes = dict[tuple[str, int, bool], int]


@given(st.lists(STEP, max_size=12))
def test_sums(steps: list[tuple[Closes, float, Collection[int], int, bool]]) -> None:
    """Listed and unlisted are all closes at every sample, and no counter ever falls.

    This holds however pools come and go, and whenever the kernel's table is emptied. A counter that
    is no longer listed, or was not before, has no value to fall from.
    """
    counted, generation, unnamed = Counted(), 0, 0
    rows: Counter[ActiveClose] = Counter()
    totals = Counter[str]()
    before: ActiveCloses | None = None
    for closes, seconds, shown, more, emptied in steps:
        if emptied:
            rows, generation = Counter(), generation + 1
        for (process, remote, accepted), number in closes.items():
            rows[row(process, remote, accepted=accepted, generation=generation)] += number
            totals[INBOUND if accepted else OUTBOUND] += number
        unnamed += more
        counted.outbound = {remote: 10 * remote for remote in shown if remote < 5}
        counted.inbound = {remote: 10 * remote for remote in shown if remote >= 3}
        found = counted.sample(dict(rows), seconds, unnamed)
        named = Counter[str]()
        for closer, number in found.listed.items():
            named[closer.pool.direction] += number
            assert number >= (before.listed.get(closer, 0) if before else 0)
        for direction in (OUTBOUND, INBOUND):
            extra = unnamed if direction == OUTBOUND else 0
            assert named[direction] + found.unlisted[direction] == totals[direction] + extra
            assert found.unlisted[direction] >= (before.unlisted[direction] if before else 0)
        per_pool = Counter(closer.pool for closer in found.listed)
        assert len(per_pool) <= 5
        assert all(number <= 3 for number in per_pool.values())
        before = found
