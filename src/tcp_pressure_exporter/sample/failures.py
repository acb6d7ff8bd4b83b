"""Whose calls fail for want of a local port: the counters of the worst, and of all the rest."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.facts.failures import (
    NOBODY,
    FailureCounts,
    FailureKind,
    PortFailure,
)
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.sample.owner_counters import OwnerCounters, foremost, risen


class FailureOwner(NamedTuple):
    """Whose calls fail, and towards whom: a group has one name for all its addresses.

    remote_address, port: "" where there is none, and where any port would have done.
    """

    kind: FailureKind
    owner: Owner
    local_address: str
    remote_address: str
    port: str


@dataclass(frozen=True, slots=True)
class PortFailures:
    """Counters since the exporter's start; totals = listed + unlisted, for each kind counted here.

    listed: counts of an owner since it was listed: from the start where there was room.
    """

    totals: Mapping[FailureKind, int]
    listed: Mapping[FailureOwner, int]
    unlisted: Mapping[FailureKind, int]

    def counts(self, call: str) -> bool:
        """Tell whether the failures of a call are counted here."""
        return any(kind.call == call for kind in self.totals)


Name = Callable[[PortFailure], FailureOwner]


@dataclass(frozen=True, slots=True)
class FailureMemory:
    """What was counted until the last sample."""

    rows: Mapping[PortFailure, int] = field(default_factory=dict)
    counters: OwnerCounters[FailureOwner] = field(default_factory=OwnerCounters)

    def after(self, counts: FailureCounts, name: Name, top: int, now: float) -> "FailureMemory":
        """Return what is known after one more sample.

        A failure counts under the name that its owner has now: names become known later, or change
        with the configuration, and no counter may fall for that.
        """
        new: Counter[FailureOwner] = Counter()
        for row, more in risen(self.rows, counts.rows):
            new[name(row)] += more
        counters = self.counters.after(new, lambda ranks: foremost(ranks, ranks, top), now)
        return FailureMemory(counts.rows, counters)

    def published(self, counts: FailureCounts) -> PortFailures:
        """Return the counters of the sample that was taken last."""
        totals = dict.fromkeys(counts.kinds, 0)
        for row, count in counts.rows.items():
            totals[row.kind] += count
        for kind, count in counts.unnamed.items():
            totals[kind] += count
        unlisted = dict(totals)
        for owner, count in self.counters.listed.items():
            unlisted[owner.kind] -= count
        return PortFailures(totals, self.counters.listed, unlisted)


def failure_owner(failure: PortFailure, service: str, groups: RemoteGroups) -> FailureOwner:
    """Return the name of a row, whose caller's service is known, "" else."""
    return FailureOwner(
        failure.kind,
        Owner(service, failure.process),
        format_address(failure.local_address),
        _remote_name(failure.remote_address, groups),
        str(failure.port or ""),
    )


def _remote_name(address: bytes, groups: RemoteGroups) -> str:
    if address == NOBODY:
        return ""
    group = groups.find(address)
    return group.name if group else format_address(address)
