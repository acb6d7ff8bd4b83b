"""Whose calls fail for want of a local port: the counters of the worst, and of all the rest."""

import heapq
import math
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

HALF_LIFE = 300.0  # seconds: what "lately" means
FORGOTTEN = 0.01  # failures lately, of an owner that is not listed
# One that is listed stays until another fails this much more lately.
INCUMBENT_BONUS = 1.5


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


class _Lately(NamedTuple):
    """Failures of an owner, of which those of a HALF_LIFE before `at` count half."""

    failures: float
    at: float

    def by(self, now: float) -> float:
        return self.failures * math.exp2((self.at - now) / HALF_LIFE)


@dataclass(frozen=True, slots=True)
class FailureMemory:
    """What was counted until the last sample.

    listed: the owners that were, with their counts. lately: how often each owner failed lately.
    """

    rows: Mapping[PortFailure, int] = field(default_factory=dict)
    listed: Mapping[FailureOwner, int] = field(default_factory=dict)
    lately: Mapping[FailureOwner, _Lately] = field(default_factory=dict)

    def after(self, counts: FailureCounts, name: Name, top: int, now: float) -> "FailureMemory":
        """Return what is known after one more sample.

        A failure counts under the name that its owner has now: names become known later, or change
        with the configuration, and no counter may fall for that.
        """
        new: Counter[FailureOwner] = Counter()
        for row, count in counts.rows.items():
            if count > self.rows.get(row, 0):
                new[name(row)] += count - self.rows.get(row, 0)
        lately = self._lately_with(new, now)
        chosen = self._choose(lately, top, now)
        listed = {owner: self.listed.get(owner, 0) + new[owner] for owner in chosen}
        kept = {
            owner: known
            for owner, known in lately.items()
            if owner in listed or known.by(now) >= FORGOTTEN
        }
        return FailureMemory(counts.rows, listed, kept)

    def _lately_with(
        self, new: Mapping[FailureOwner, int], now: float
    ) -> dict[FailureOwner, _Lately]:
        risen = {
            owner: _Lately(count + self.lately[owner].by(now), now)
            if owner in self.lately
            else _Lately(count, now)
            for owner, count in new.items()
        }
        return {**self.lately, **risen}

    def _choose(
        self, lately: Mapping[FailureOwner, _Lately], top: int, now: float
    ) -> list[FailureOwner]:
        def rank(owner: FailureOwner) -> tuple[float, bool, FailureOwner]:
            listed = owner in self.listed
            return lately[owner].by(now) * (INCUMBENT_BONUS if listed else 1.0), listed, owner

        return heapq.nlargest(top, lately, key=rank)

    def published(self, counts: FailureCounts) -> PortFailures:
        """Return the counters of the sample that was taken last."""
        totals = dict.fromkeys(counts.kinds, 0)
        for row, count in counts.rows.items():
            totals[row.kind] += count
        for kind, count in counts.unnamed.items():
            totals[kind] += count
        unlisted = dict(totals)
        for owner, count in self.listed.items():
            unlisted[owner.kind] -= count
        return PortFailures(totals, self.listed, unlisted)


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
