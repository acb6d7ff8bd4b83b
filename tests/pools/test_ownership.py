from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.listing import most, most_owners

WEB, CACHE = Owner("web.service", "nginx"), Owner("cache.service", "redis")
ONLY_SERVICE, ONLY_PROCESS = Owner("web.service", ""), Owner("", "nginx")
NOBODY = Owner("", "")


def test_the_most_first() -> None:
    """The most frequent names come first, each with its count, as many as asked for."""
    names = ["a", "b", "c", "b", "c", "c"]
    assert most(names, 2, ()) == [("c", 3), ("b", 2)]
    assert most(names, 9, ()) == [("c", 3), ("b", 2), ("a", 1)]
    assert most(names, 0, ()) == []


def test_rare_names() -> None:
    """A name is listed however rare it is, as long as there is room for it."""
    assert most(["a"] * 999 + ["b"], 2, ()) == [("a", 999), ("b", 1)]


def test_no_names() -> None:
    """Nothing gives no names, whatever was there before."""
    assert most([], 5, ["a"]) == []


@pytest.mark.parametrize(("newcomers", "expected"), [(10, "old"), (11, "old"), (12, "new")])
def test_listed_names_stay(newcomers: int, expected: str) -> None:
    """A listed name stays until another is more than a tenth more frequent."""
    names = ["old"] * 10 + ["new"] * newcomers
    assert [name for name, _count in most(names, 1, ["old"])] == [expected]


def test_owners() -> None:
    """An owner is known by its service, by its process, or by both; each is a separate owner."""
    owners = [WEB, CACHE, WEB, ONLY_SERVICE, ONLY_PROCESS, WEB, CACHE]
    found = most_owners(owners, 9)
    assert found[:2] == ((WEB, 3), (CACHE, 2))
    assert set(found[2:]) == {(ONLY_SERVICE, 1), (ONLY_PROCESS, 1)}


def test_unknown_owner() -> None:
    """Sockets without a known owner have no place among the owners, however many there are."""
    assert most_owners([NOBODY, NOBODY, NOBODY, WEB], 1) == ((WEB, 1),)
    assert most_owners([NOBODY], 1, [NOBODY]) == ()


OWNERS = st.lists(st.sampled_from([WEB, CACHE, ONLY_SERVICE, ONLY_PROCESS, NOBODY]))


@given(OWNERS, st.integers(0, 6), st.frozensets(st.sampled_from([WEB, CACHE, NOBODY])))
def test_any_owners(owners: list[Owner], top: int, before: frozenset[Owner]) -> None:
    """Counts are right and descending, and no owner with more than a tenth more is left out.

    An owner listed before may stay in place of one that is hardly more frequent.
    """
    counted = Counter(owner for owner in owners if owner != NOBODY)
    found = most_owners(owners, top, before)
    assert dict(found).items() <= dict(counted).items()
    assert len(found) == len(dict(found)) == min(top, len(counted))
    numbers = [sockets for _owner, sockets in found]
    assert numbers == sorted(numbers, reverse=True)
    left = [sockets for owner, sockets in counted.items() if owner not in dict(found)]
    assert not found or max(left, default=0) <= 1.1 * numbers[-1]
