from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.groups import GroupKey, ListedKey
from tcp_pressure_exporter.pools.memory import CloseCounters
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.messages.socket_entries import sixteen_bytes

MAX_REMEMBERED = 256  # what the help text of the metric promises


def pool(number: int) -> PoolKey:
    return PoolKey(sixteen_bytes("10.0.0.2"), sixteen_bytes("10.0.0.9"), number.to_bytes(2, "big"))


LB = GroupKey(sixteen_bytes("10.0.0.2"), "lb", b"\x01\xbb")
A, B, C = pool(1), pool(2), pool(3)


def entered(**closes: int) -> dict[ListedKey, Usage]:
    """Return pools a, b, c and lb with what entered since the previous sample."""
    keys: dict[str, ListedKey] = {"a": A, "b": B, "c": C, "lb": LB}
    return {keys[name]: closed(ports) for name, ports in closes.items()}


def closed(ports: int) -> Usage:
    return Usage(500, 1000, 100, None, entered=ports)


def counted(*samples: tuple[dict[ListedKey, Usage], Sequence[ListedKey]]) -> CloseCounters:
    counters = CloseCounters()
    for usages, shown in samples:
        total = sum(usage.entered for usage in usages.values())
        counters = counters.after(total, usages, shown)
    return counters


def test_from_the_first_listing_on() -> None:
    """A pool counts from the sample at which it is first shown; the total counts all of them."""
    counters = counted((entered(a=5, b=70), [A]), (entered(a=6, b=80), [A, B]))
    assert counters.total == 5 + 70 + 6 + 80
    assert counters.pools == {A: 11, B: 80}


def test_while_not_shown() -> None:
    """A pool that has left the list goes on counting, even over samples without a socket."""
    counters = counted(
        (entered(a=5, b=1), [A]),
        (entered(a=6, b=1), [B]),
        (entered(b=1), [B]),
        (entered(a=7, b=1), [B]),
        (entered(a=8, b=1), [A, B]),
    )
    assert counters.pools[A] == 5 + 6 + 7 + 8


def test_group() -> None:
    """A group counts under its own name."""
    counters = counted((entered(lb=5, a=1), [LB]), (entered(lb=6, a=1), [A]))
    assert counters.pools == {LB: 11, A: 1}


def test_more_entered_than_pools_show() -> None:
    """The total includes what entered in pools without a row."""
    assert CloseCounters(total=10).after(90, entered(a=5), [A]).total == 100


def test_longest_unseen_is_forgotten() -> None:
    """If there are too many pools, the one not shown for longest starts again."""
    samples: list[tuple[dict[ListedKey, Usage], list[ListedKey]]] = [
        ({pool(n): closed(1)}, [pool(n)]) for n in range(MAX_REMEMBERED)
    ]
    # Pool 0 is shown again, so pool 1 is the longest unseen when another one comes.
    samples += [({pool(0): closed(1)}, [pool(0)]), ({pool(999): closed(1)}, [pool(999)])]
    counters = counted(*samples)
    assert len(counters.pools) == MAX_REMEMBERED
    assert counters.pools[pool(0)] == 2
    assert pool(1) not in counters.pools
    assert pool(2) in counters.pools


def test_longer_list_than_memory() -> None:
    """All pools shown have a counter, however many; no others have."""
    many: list[ListedKey] = [pool(n) for n in range(2 * MAX_REMEMBERED)]
    usages = {key: closed(1) for key in [*many, pool(9999)]}
    counters = counted((usages, [pool(9999)]), (usages, many), (usages, many))
    assert counters.pools == dict.fromkeys(many, 2)


KEYS: list[ListedKey] = [A, B, C, LB]
SAMPLES = st.lists(
    st.tuples(
        st.dictionaries(st.sampled_from(KEYS), st.builds(closed, st.integers(0, 100)), min_size=1),
        st.sets(st.sampled_from(KEYS)),
    ),
    max_size=30,
)


@given(SAMPLES)
def test_naive_sum(samples: list[tuple[dict[ListedKey, Usage], set[ListedKey]]]) -> None:
    """Over any comings and goings a counter never falls, and is the sum since its first listing."""
    counters = CloseCounters()
    sums: dict[ListedKey, int] = {}
    for usages, wished in samples:
        shown = [key for key in usages if key in wished]
        for key in shown:
            sums.setdefault(key, 0)
        for key in sums:
            sums[key] += usages[key].entered if key in usages else 0
        before = counters
        counters = counters.after(sum(u.entered for u in usages.values()), usages, shown)
        assert counters.pools == sums
        assert counters.total >= before.total
        assert all(counters.pools[key] >= count for key, count in before.pools.items())
