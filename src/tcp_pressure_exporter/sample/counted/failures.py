"""Whose calls fail for lack of a local port: counters of the worst owners, and of all the rest."""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
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
from tcp_pressure_exporter.sample.counted.owner_counters import OwnerCounters, foremost, risen

WINDOW = 300.0  # seconds: what "recent" means
STEP = 10.0  # seconds: faster samples share a step, to keep the steps few
NAMED = 64  # owners in a step; the failures of others are counted by kind


class FailureOwner(NamedTuple):
    """Whose calls fail, and to which end; a group has one name for all its addresses.

    remote_address, port: "" where there is none, or where any port would have done.
    """

    kind: FailureKind
    owner: Owner
    local_address: str
    remote_address: str
    port: str


class RecentCount(NamedTuple):
    """How many calls failed, and how long before the newest sample the last one was counted."""

    failures: int
    seconds_ago: float


@dataclass(frozen=True, slots=True)
class RecentFailures:
    """The failures of the last `seconds`: five minutes, or since counting began.

    The first step reaches back as far as its sample did. owners: the worst, by name. others: all
    the rest, so that the two together cover every failure. new, new_others: the part of each that
    the newest sample counted.
    """

    seconds: float = 0.0
    owners: Mapping[FailureOwner, RecentCount] = field(default_factory=dict)
    others: Mapping[FailureKind, RecentCount] = field(default_factory=dict)
    new: Mapping[FailureOwner, int] = field(default_factory=dict)
    new_others: Mapping[FailureKind, int] = field(default_factory=dict)

    def counts(self) -> Iterator[tuple[FailureKind, RecentCount]]:
        """Yield all of them, by kind."""
        for owner, count in self.owners.items():
            yield owner.kind, count
        yield from self.others.items()


@dataclass(frozen=True, slots=True)
class PortFailures:
    """Counters since the exporter's start; totals = listed + unlisted, for each kind counted here.

    listed: an owner's count since it was listed: since the start if there was room.
    recent: those of the last five minutes, whether or not their owner is listed.
    """

    totals: Mapping[FailureKind, int]
    listed: Mapping[FailureOwner, int]
    unlisted: Mapping[FailureKind, int]
    recent: RecentFailures = field(default_factory=RecentFailures)

    def counts(self, call: str) -> bool:
        """Tell whether the failures of a call are counted here."""
        return any(kind.call == call for kind in self.totals)


Name = Callable[[PortFailure], FailureOwner]


class _Step(NamedTuple):
    """What failed between two times on a clock: by owner, or by kind where no owner is kept."""

    begin: float
    end: float
    owners: Mapping[FailureOwner, int]
    others: Mapping[FailureKind, int]


_NOTHING = _Step(0.0, 0.0, {}, {})


@dataclass(frozen=True, slots=True)
class FailureWindow:
    """The steps in which something failed, the oldest first.

    since: when counting began, None: at the first sample. now: the time of the last sample, None
    before the first.
    newest: what that sample counted.
    """

    since: float | None = None
    now: float | None = None
    steps: tuple[_Step, ...] = ()
    newest: _Step = _NOTHING

    def after(
        self, owners: Mapping[FailureOwner, int], others: Mapping[FailureKind, int], now: float
    ) -> "FailureWindow":
        """Return what is known after another sample with these new failures."""
        since = now if self.since is None else self.since
        begin = since if self.now is None else self.now
        steps = tuple(step for step in self.steps if now - step.end < WINDOW)
        newest = _Step(begin, now, owners, others)
        if owners or any(others.values()):
            steps = _with(steps, newest)
        return FailureWindow(since, now, steps, _bounded(newest))

    def recent(self) -> RecentFailures:
        """Return what failed until the last sample."""
        if self.now is None or self.since is None:
            return RecentFailures()
        owners: Counter[FailureOwner] = Counter()
        others: Counter[FailureKind] = Counter()
        last: dict[FailureOwner | FailureKind, float] = {}
        for step in self.steps:
            owners.update(step.owners)
            others.update(step.others)
            kinds = (owner.kind for owner in step.owners)
            last |= dict.fromkeys((*step.owners, *step.others, *kinds), self.now - step.end)
        whole = _bounded(_Step(self.since, self.now, owners, others))
        new, new_others = _new(self.newest, whole)
        return RecentFailures(
            seconds=min(self.now - self.since, WINDOW),
            owners={owner: RecentCount(n, last[owner]) for owner, n in whole.owners.items()},
            others={kind: RecentCount(n, last[kind]) for kind, n in whole.others.items()},
            new=new,
            new_others=new_others,
        )


def _new(newest: _Step, whole: _Step) -> tuple[Mapping[FailureOwner, int], Counter[FailureKind]]:
    """Return what the newest step counted: by the owners that `whole` names, and by kind."""
    named = {owner: count for owner, count in newest.owners.items() if owner in whole.owners}
    others = Counter(newest.others)
    for owner, count in newest.owners.items():
        if owner not in whole.owners:
            others[owner.kind] += count
    return named, others


def _with(steps: tuple[_Step, ...], new: _Step) -> tuple[_Step, ...]:
    """Return the steps with another one, or with the last one extended while it is short."""
    if steps and new.end - steps[-1].begin < STEP:
        *kept, last = steps
        owners, others = Counter(last.owners), Counter(last.others)
        owners.update(new.owners)
        others.update(new.others)
        return (*kept, _bounded(_Step(last.begin, new.end, owners, others)))
    return (*steps, _bounded(new))


def _bounded(step: _Step) -> _Step:
    """Return a step that keeps the worst owners by name, and counts the others by kind."""
    if len(step.owners) <= NAMED and all(step.others.values()):
        return step
    kept = heapq.nlargest(NAMED, step.owners, key=lambda owner: (step.owners[owner], owner))
    named = {owner: step.owners[owner] for owner in kept}
    others = Counter({kind: count for kind, count in step.others.items() if count})
    for owner, count in step.owners.items():
        if owner not in named:
            others[owner.kind] += count
    return step._replace(owners=named, others=others)


@dataclass(frozen=True, slots=True)
class FailureMemory:
    """What was counted until the last sample.

    unnamed: as in FailureCounts. window: the last five minutes.
    """

    rows: Mapping[PortFailure, int] = field(default_factory=dict)
    counters: OwnerCounters[FailureOwner] = field(default_factory=OwnerCounters)
    unnamed: Mapping[FailureKind, int] = field(default_factory=dict)
    window: FailureWindow = field(default_factory=FailureWindow)

    def after(self, counts: FailureCounts, name: Name, top: int, now: float) -> "FailureMemory":
        """Return what is known after another sample.

        A failure counts under the name that its owner has now. Names may become known later, or
        change with the configuration, and no counter may fall because of that.
        """
        new: Counter[FailureOwner] = Counter()
        for row, more in risen(self.rows, counts.rows):
            new[name(row)] += more
        counters = self.counters.after(new, lambda ranks: foremost(ranks, ranks, top), now)
        unnamed = {kind: n - self.unnamed.get(kind, 0) for kind, n in counts.unnamed.items()}
        window = self.window.after(new, unnamed, now)
        return FailureMemory(counts.rows, counters, counts.unnamed, window)

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
        return PortFailures(totals, self.counters.listed, unlisted, self.window.recent())


def failure_owner(failure: PortFailure, service: str, groups: RemoteGroups) -> FailureOwner:
    """Return the owner of a row; service: that of its caller, "" where unknown."""
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
