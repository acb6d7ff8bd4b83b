"""Which network namespaces beside the own one are sampled: few, so that cost and series are."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.pools.listing import ListingRule, select

# A dump of a namespace's sockets passes those of the whole host. With fewer sockets than this, no
# pool of the default 28,232 ports is a fifth as full as is needed to be listed.
QUIET = 50
EMPTY = 1  # with fewer; where one walk finds the sockets of all, the others cost no dump
DEFAULT_MOST = 20


class Census(NamedTuple):
    """How many other namespaces there are, by what comes of them.

    sampled: they have series. unlisted: busy, but others are busier. excluded: busy, but not
    wanted. quiet: they have too few sockets, and nobody asked for them by name. unreadable:
    the kernel did not let us in.
    """

    sampled: int = 0
    unlisted: int = 0
    excluded: int = 0
    quiet: int = 0
    unreadable: int = 0


FEATURE = "other network namespaces"
UNSEEN = "those of other users' processes are not visible without CAP_SYS_PTRACE"


class Elsewhere(NamedTuple):
    """The other namespaces that nobody looks at.

    namespaces: how many; less than there are unless complete: this user may see them all.
    """

    namespaces: int = 0
    complete: bool = True

    @property
    def number(self) -> int | None:
        """How many there are, None where that cannot be known."""
        return self.namespaces if self.complete else None

    def left_out(self) -> Iterator[tuple[str, str]]:
        """Yield (what, why) was not looked at."""
        if self.namespaces:
            yield FEATURE, f"{self.namespaces:,} not looked at"
        if not self.complete:
            yield FEATURE, UNSEEN


@dataclass(frozen=True, slots=True)
class NamespaceChoice:
    """Which namespaces are wanted by their label, and how many of them at most.

    include, exclude: match whole labels; None: all are wanted, none is unwanted. What is included
    is asked for by name: it is sampled however quiet it is.
    """

    include: re.Pattern[str] | None = None
    exclude: re.Pattern[str] | None = None
    most: int = DEFAULT_MOST

    def wants(self, label: str) -> bool:
        """Tell whether a namespace of that label is wanted."""
        if self.include is not None and self.include.fullmatch(label) is None:
            return False
        return self.exclude is None or self.exclude.fullmatch(label) is None

    def busiest(
        self, sockets: Mapping[int, int], sampled: Collection[int], least: int = QUIET
    ) -> list[int]:
        """Return the namespaces to sample out of those whose sockets are given, busiest first.

        sampled: those of the last sample; they stay until others are busier by a tenth. least: as
        busy() has it, for those that nobody asked for by name.
        """
        least = least if self.include is None else 0
        return select(sockets, float, ListingRule(self.most, least), sampled)

    def candidates(
        self, sockets: Mapping[int, int], sampled: Collection[int], least: int = QUIET
    ) -> Collection[int]:
        """Return the namespaces whose label decides: those worth a sample, or all of them."""
        return busy(sockets, sampled, least) if self.include is None else sockets.keys()


def busy(sockets: Mapping[int, int], sampled: Collection[int], least: int = QUIET) -> list[int]:
    """Return the namespaces worth a sample; one that is sampled stays so until it has fewer.

    least: sockets that make it worth one: QUIET or EMPTY.
    """
    return select(sockets, float, ListingRule(len(sockets), least), sampled)
