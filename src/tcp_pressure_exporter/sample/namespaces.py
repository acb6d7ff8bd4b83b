"""Which other network namespaces are sampled: few, to bound the cost and the series."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.pools.listing import ListingRule, select

# A dump of one namespace's sockets passes those of the whole host. With fewer sockets than this, a
# pool of the default 28,232 ports does not reach a fifth of the ratio for being listed.
QUIET = 50
EMPTY = 1  # where one walk finds the sockets of all namespaces, only those without any are quiet
DEFAULT_MOST = 20


class Census(NamedTuple):
    """How many other namespaces there are, by what happens to them.

    sampled: they have series. unlisted: busy, but others are busier. excluded: busy, but not
    wanted. quiet: they have too few sockets, and were not asked for by name. unreadable: the
    kernel denied access.
    """

    sampled: int = 0
    unlisted: int = 0
    excluded: int = 0
    quiet: int = 0
    unreadable: int = 0


FEATURE = "other network namespaces"
UNSEEN = "those of other users' processes are not visible without CAP_SYS_PTRACE"


class Elsewhere(NamedTuple):
    """The other namespaces that are not looked at.

    namespaces: how many. complete: whether this user may see them all; if not, there may be more.
    """

    namespaces: int = 0
    complete: bool = True

    @property
    def number(self) -> int | None:
        """How many there are, None where that cannot be known."""
        return self.namespaces if self.complete else None

    def left_out(self) -> Iterator[tuple[str, str]]:
        """Yield what was not looked at, and why."""
        if self.namespaces:
            yield FEATURE, f"{self.namespaces:,} not looked at"
        if not self.complete:
            yield FEATURE, UNSEEN


@dataclass(frozen=True, slots=True)
class NamespaceChoice:
    """Which namespaces are wanted, by label, and how many of them at most.

    include, exclude: match whole labels; None: all are wanted, none is excluded. An included
    namespace counts as asked for by name: it is sampled however quiet it is.
    """

    include: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None
    most: int = DEFAULT_MOST

    def wants(self, label: str) -> bool:
        """Tell whether a namespace with that label is wanted."""
        if self.include is not None and self.include.fullmatch(label) is None:
            return False
        return self.exclude is None or self.exclude.fullmatch(label) is None

    def busiest(
        self, sockets: Mapping[int, int], sampled: Collection[int], least: int = QUIET
    ) -> list[int]:
        """Return the namespaces to sample, by their number of sockets, busiest first.

        sampled: those of the last sample; they stay until others are a tenth busier. least: as in
        busy(), for those not asked for by name.
        """
        least = least if self.include is None else 0
        return select(sockets, float, ListingRule(self.most, least), sampled)

    def candidates(
        self, sockets: Mapping[int, int], sampled: Collection[int], least: int = QUIET
    ) -> Collection[int]:
        """Return the namespaces whose labels matter: those worth a sample, or all of them."""
        return busy(sockets, sampled, least) if self.include is None else sockets.keys()


def busy(sockets: Mapping[int, int], sampled: Collection[int], least: int = QUIET) -> list[int]:
    """Return the namespaces worth a sample; a sampled one stays until clearly quieter.

    least: how many sockets make one worth it: QUIET or EMPTY.
    """
    return select(sockets, float, ListingRule(len(sockets), least), sampled)
