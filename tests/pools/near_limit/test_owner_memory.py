"""Which owners of a pool are remembered: from the first sign, for five minutes, up to a limit."""

from collections.abc import Mapping, Sequence

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.groups import ListedKey
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.near_limit.closer_look import MAX_TARGETS, MOST_KNOWN
from tcp_pressure_exporter.pools.near_limit.owner_memory import (
    MAX_OWNERS,
    REMEMBERED,
    OwnerMemory,
)
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.pools.usage import Usage
from tests.sources.counting.counting import key

POOLS: tuple[ListedKey, ...] = tuple(
    key("10.0.0.2", f"10.0.0.{number}", 443) for number in range(1, 7)
)
A, B, C, D, *_ = POOLS
NGINX, CURL = Owner("nginx.service", "nginx"), Owner("", "curl")
CALM, WARNING, CRITICAL = 0, 1, 2


def listed(*keys: ListedKey) -> tuple[ListedPool, ...]:
    return tuple(ListedPool(k, "10.0.0.2", "remote", "443", Usage(1, 1000, 0, 0)) for k in keys)


def watching(memory: OwnerMemory, urgency: Mapping[ListedKey, int], now: float) -> OwnerMemory:
    return memory.watching(listed(*urgency), lambda pool: urgency[pool.key], now)


def looked(*owners: tuple[Owner, int], at: float = 0.0) -> OwnerMemory:
    """Return what one look at pool A showed."""
    memory = watching(OwnerMemory(), {A: CRITICAL}, at)
    return memory.after({A: [OwnerCount(*owner) for owner in owners]}, at)


def told(memory: OwnerMemory, now: float) -> list[tuple[Owner, int, float]]:
    return [(one.owner, one.sockets, one.seconds_ago) for one in memory.owners(A, now)]


def test_seen_a_while_ago() -> None:
    """An owner whose connections a later look misses is reported, with the time since."""
    memory = looked((NGINX, 7), at=100.0).after({}, 140.0)
    assert told(memory, 140.0) == [(NGINX, 0, 40.0)]


def test_order() -> None:
    """An owner seen in many looks comes before one seen once with a few more sockets."""
    memory = looked((NGINX, 2), at=0.0)
    for at in (5.0, 10.0):
        memory = memory.after({A: [OwnerCount(NGINX, 2)]}, at)
    memory = memory.after({A: [OwnerCount(CURL, 3)]}, 15.0)
    assert told(memory, 15.0) == [(NGINX, 0, 5.0), (CURL, 3, 0.0)]


def test_forgotten() -> None:
    """After five minutes an owner is forgotten, even if the pool stays urgent."""
    memory = looked((NGINX, 7))
    memory = watching(memory, {A: CRITICAL}, REMEMBERED - 1)
    assert told(memory, REMEMBERED - 1) == [(NGINX, 7, REMEMBERED - 1)]
    memory = watching(memory, {A: CRITICAL}, REMEMBERED)
    assert told(memory, REMEMBERED) == []


def test_calm_again() -> None:
    """A pool between two waves is remembered for five minutes; one that left the list is not."""
    memory = looked((NGINX, 7))
    for now, known in ((REMEMBERED - 1, [A]), (REMEMBERED, [])):
        assert list(watching(memory, {A: CALM}, now).known) == known
    assert watching(memory, {B: CALM}, 1.0).known == {}


def test_most_urgent_first() -> None:
    """If more pools are urgent than are looked at, critical ones go first, then the fullest."""
    urgency = {A: WARNING, B: CALM, C: WARNING, D: CRITICAL, POOLS[4]: WARNING}
    assert list(watching(OwnerMemory(), urgency, 0.0).known) == [D, A, C]


def test_urgent_before_remembered() -> None:
    """An urgent pool takes the place of one that has calmed down."""
    memory = looked((NGINX, 7))
    urgency = {A: CALM, B: WARNING, C: WARNING, D: WARNING}
    assert list(watching(memory, urgency, 1.0).known) == [B, C, D]


def test_nobody() -> None:
    """No owner of a pool is known until a look sees one."""
    memory = looked()
    assert memory.nobody_in(A)
    assert not memory.after({A: [OwnerCount(NGINX, 1)]}, 1.0).nobody_in(A)


def test_connection_that_was_too_short() -> None:
    """Sockets with a service but no process any more count for the service's only known process."""
    half = Owner("nginx.service", "")
    memory = looked((half, 3)).after({A: [OwnerCount(NGINX, 1), OwnerCount(half, 4)]}, 5.0)
    assert told(memory, 5.0) == [(NGINX, 5, 0.0)]
    two = looked((half, 3), (NGINX, 2), (Owner("nginx.service", "sh"), 1))
    assert [one[0] for one in told(two, 0.0)] == [half, NGINX]


LOOKS = st.lists(
    st.tuples(
        st.floats(0, 400),
        st.dictionaries(st.sampled_from(POOLS), st.integers(0, 2)),
        st.dictionaries(
            st.sampled_from(POOLS),
            st.dictionaries(st.integers(0, 30), st.integers(1, 9), max_size=20),
        ),
    ),
    max_size=6,
)


@given(LOOKS)
def test_bounds(
    looks: Sequence[tuple[float, dict[ListedKey, int], dict[ListedKey, dict[int, int]]]],
) -> None:
    """Whatever is seen, few pools and owners are kept, none older than five minutes."""
    memory, now = OwnerMemory(), 0.0
    for pause, urgency, found in looks:
        now += pause
        memory = watching(memory, urgency, now).after(
            {
                pool: [OwnerCount(Owner(f"{n}.service", ""), count) for n, count in owners.items()]
                for pool, owners in found.items()
            },
            now,
        )
        assert len(memory.known) <= MAX_TARGETS
        for pool, known in memory.known.items():
            assert len(known.owners) <= MOST_KNOWN
            shown = memory.owners(pool, now)
            assert len(shown) <= MAX_OWNERS
            assert all(0 <= one.seconds_ago < REMEMBERED for one in shown)
