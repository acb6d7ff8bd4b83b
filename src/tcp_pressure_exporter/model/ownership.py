"""How many of some sockets each owner has, the most first."""

from collections import Counter
from collections.abc import Collection, Hashable, Iterable
from typing import NamedTuple, TypeVar

from tcp_pressure_exporter.facts.sockets import NOBODY, Owner
from tcp_pressure_exporter.model.listing import Listing, select

Name = TypeVar("Name", bound=Hashable)


class OwnerCount(NamedTuple):
    """An owner, and how many of the sockets are its."""

    owner: Owner
    sockets: int


def most(names: Iterable[Name], top: int, incumbents: Collection[Name]) -> list[tuple[Name, int]]:
    """Return the `top` most frequent names with their number; `incumbents` were listed before."""
    counts = Counter(names)
    total = counts.total()
    chosen = select(counts, lambda count: count / total, Listing(top, 0.0), incumbents)
    return [(name, counts[name]) for name in chosen]


def most_owners(
    owners: Iterable[Owner], top: int, incumbents: Collection[Owner] = ()
) -> tuple[OwnerCount, ...]:
    """Return the owners with the most sockets; sockets whose owner is unknown do not count."""
    known = (owner for owner in owners if owner != NOBODY)
    return tuple(OwnerCount(*counted) for counted in most(known, top, incumbents))
