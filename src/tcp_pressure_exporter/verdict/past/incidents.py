"""What has happened: a memory of incidents, into which one sample after another is folded.

An incident begins when a trouble becomes critical, and each cause has one: a trouble that shares a
part with an incident not yet over continues it, as part of it or as another wave. It is over when
it has not been critical for QUIET seconds. Whatever traffic does, the memory is bounded: in
incidents, and in the parts, owners and minutes of each.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from heapq import nlargest
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import NOBODY
from tcp_pressure_exporter.verdict.past.minutes import (
    Figures,
    Minute,
    Minutes,
    States,
    before,
    bounded,
    minute_of,
    with_minute,
)
from tcp_pressure_exporter.verdict.past.sightings import Involved, Look, NamespaceLook, Sighting
from tcp_pressure_exporter.verdict.troubles import Tie

MOST = 32  # incidents
MOST_OPEN = 8  # per namespace at a time
MOST_PARTS = 16  # by which an incident is recognised
MOST_OWNERS = 4
MOST_RESOURCES = 64  # whose last minutes are kept, in case one becomes an incident
QUIET = 600.0  # seconds: a load that comes every five minutes is one incident
WAVE_GAP = 30.0  # seconds without the trouble between two waves


class Moment(NamedTuple):
    """A time on both clocks."""

    now: float
    timestamp: float


class Peak(NamedTuple):
    """When a resource was fullest."""

    figures: Figures
    timestamp: float


@dataclass(frozen=True, slots=True)
class Incident:
    """One cause, from when it was first critical to when it was last critical.

    worst: its latest worst moment. parts: what it was seen to consist of. resource: the one that
    the minutes are about. goes_on: whether it was seen to be critical in the newest sample. looks:
    the samples in which it was critical. waves: how often it became critical, ignoring pauses
    shorter than WAVE_GAP.
    calm_since: when it was first seen not to be critical, None while it is.
    first_refused: None if no call was refused. unseen: seconds without a look.
    """

    number: int
    netns: str
    worst: Sighting
    parts: tuple[Tie, ...]
    began: Moment
    last: Moment
    resource: Tie | None = None
    certain: bool = False
    goes_on: bool = False
    looks: int = 0
    waves: int = 1
    calm_since: float | None = None
    refused: int = 0
    first_refused: float | None = None
    peak: Peak | None = None
    owners: tuple[Involved, ...] = ()
    minutes: Minutes = ()
    unseen: float = 0.0
    over: bool = False

    @property
    def stands(self) -> bool:
        """Whether it is worth reporting: what only one sample forecast is not."""
        return self.certain or self.looks > 1

    def seen(self, sightings: Sequence[Sighting], look: Look) -> "Incident":
        """Return the incident after a sample in which it is critical."""
        refused = sum(sighting.refused for sighting in sightings)
        quiet = 0.0 if self.calm_since is None else look.now - self.calm_since
        found = replace(
            self,
            worst=max((*reversed(sightings), self.worst), key=_weight),
            resource=self.resource
            or next((one.resource for one in sightings if one.resource), None),
            parts=_parts(self.parts, sightings),
            last=Moment(look.now, look.timestamp),
            certain=self.certain or any(sighting.certain for sighting in sightings),
            goes_on=True,
            looks=self.looks + 1,
            waves=self.waves + (quiet >= WAVE_GAP),
            calm_since=None,
            refused=self.refused + refused,
            owners=_owners(self.owners, sightings),
        )
        first = self.first_refused is None and refused
        return replace(found, first_refused=look.timestamp) if first else found

    def not_seen(self, now: float) -> "Incident":
        """Return the incident after a sample in which it is not critical."""
        return replace(self, calm_since=now if self.calm_since is None else self.calm_since)

    def measured(self, figures: Figures | None, minute: Minute) -> "Incident":
        """Return the incident with the measurements of a sample."""
        peak = self.peak
        if figures and (peak is None or figures.ratio > peak.figures.ratio):
            peak = Peak(figures, minute.timestamp)
        return replace(self, peak=peak, minutes=bounded(with_minute(self.minutes, minute)))


def _weight(sighting: Sighting) -> tuple[bool, bool, float]:
    return bool(sighting.refused), sighting.certain, sighting.ratio


def _parts(known: tuple[Tie, ...], sightings: Sequence[Sighting]) -> tuple[Tie, ...]:
    """Return the parts, those of the newest sample first."""
    newest = (part for sighting in sightings for part in sighting.parts)
    return tuple(dict.fromkeys((*newest, *known)))[:MOST_PARTS]


def _owners(known: tuple[Involved, ...], sightings: Sequence[Sighting]) -> tuple[Involved, ...]:
    """Return the owners with the most refused calls, or else those that left most TIME_WAIT."""
    found = {one.owner: one for one in known}
    for new in (owner for sighting in sightings for owner in sighting.owners):
        one = found.get(new.owner, Involved(new.owner))
        found[new.owner] = Involved(
            owner=new.owner,
            refused=one.refused + new.refused,
            closed=max(one.closed, new.closed),
            sockets=max(one.sockets, new.sockets),
        )
    named = (one for one in found.values() if one.owner != NOBODY)
    return tuple(nlargest(MOST_OWNERS, named, key=lambda one: one[1:]))


Place = tuple[str, Tie]  # a namespace, and a resource in it


@dataclass(frozen=True, slots=True)
class IncidentMemory:
    """The last incidents, oldest first, and the last minutes of what may become one.

    next_number: that of the next incident. valid_until: how long the newest sample is current.
    left_out: troubles without room, as a namespace had too many at a time. own: as in the newest
    sample.
    """

    incidents: tuple[Incident, ...] = ()
    recent: Mapping[Place, Minutes] = field(default_factory=dict)
    next_number: int = 1
    since: Moment | None = None
    valid_until: float | None = None
    left_out: int = 0
    own: str = ""

    @property
    def listed(self) -> tuple[Incident, ...]:
        """The incidents to report, newest first."""
        return tuple(one for one in reversed(self.incidents) if one.stands)

    def after(self, look: Look) -> "IncidentMemory":
        """Return what is known after another sample."""
        gap = 0.0 if self.valid_until is None else max(look.now - self.valid_until, 0.0)
        memory = replace(
            self,
            incidents=tuple(_aged(one, gap, look) for one in self.incidents),
            recent=_recent(self.recent, look),
            since=self.since or Moment(look.now, look.timestamp),
            valid_until=look.now + look.holds,
            own=look.own,
        )
        for namespace in look.namespaces:
            memory = _with_namespace(memory, namespace, look)
        return replace(memory, incidents=_without_the_old(memory.incidents))


def _with_namespace(memory: IncidentMemory, seen: NamespaceLook, look: Look) -> IncidentMemory:
    known = [one for one in memory.incidents if one.netns == seen.netns and not one.over]
    sightings: dict[int, list[Sighting]] = {}
    new: list[Incident] = []
    for sighting in seen.critical:
        one = _known_by(sighting, (*known, *new))
        if one is None and len(known) + len(new) < MOST_OPEN:
            one = _begun(memory.next_number + len(new), sighting, seen, look, memory.recent)
            new.append(one)
        if one is not None:
            sightings.setdefault(one.number, []).append(sighting)
    changed = {
        one.number: _after(one, sightings.get(one.number, ()), seen, look) for one in (*known, *new)
    }
    told = sum(map(len, sightings.values()))
    return replace(
        memory,
        incidents=tuple(changed.get(one.number, one) for one in (*memory.incidents, *new)),
        next_number=memory.next_number + len(new),
        left_out=memory.left_out + len(seen.critical) - told,
    )


def _aged(one: Incident, gap: float, look: Look) -> Incident:
    """Return an incident as of the time of a new sample; it is over if it was calm long enough."""
    if one.over:
        return one
    over = look.now - one.last.now >= max(QUIET, look.holds)
    return replace(one, over=over, goes_on=False, unseen=one.unseen + gap)


def _without_the_old(incidents: Sequence[Incident]) -> tuple[Incident, ...]:
    """Return at most MOST: the oldest of those that are over go first."""
    kept = [one for one in incidents if one.stands or not one.over]
    while len(kept) > MOST:
        kept.remove(next((one for one in kept if one.over), kept[0]))
    return tuple(kept)


def _known_by(sighting: Sighting, incidents: Sequence[Incident]) -> Incident | None:
    """Return the incident that a sighting continues: that of its head, or else of any part."""
    head = sighting.parts[:1]
    for parts in (head, sighting.parts):
        for one in incidents:
            if not set(parts).isdisjoint(one.parts):
                return one
    return None


def _begun(
    number: int,
    sighting: Sighting,
    seen: NamespaceLook,
    look: Look,
    recent: Mapping[Place, Minutes],
) -> Incident:
    """Return an incident that is beginning, with the minutes before it."""
    begin = Moment(look.now, look.timestamp)
    known = recent.get((seen.netns, sighting.resource), ()) if sighting.resource else ()
    past = tuple(minute for minute in known if minute.number < minute_of(look.now))
    return Incident(number, seen.netns, sighting, (), begin, begin, minutes=past)


def _after(
    one: Incident, sightings: Sequence[Sighting], seen: NamespaceLook, look: Look
) -> Incident:
    found = one.seen(sightings, look) if sightings else one.not_seen(look.now)
    figures = seen.figures.get(found.resource) if found.resource else None
    minute = _minute(look, figures, seen.states)
    refused = sum(sighting.refused for sighting in sightings)
    return found.measured(figures, minute._replace(critical=bool(sightings), refused=refused))


def _minute(look: Look, figures: Figures | None, states: States | None) -> Minute:
    return Minute(minute_of(look.now), look.timestamp, False, figures, states)  # noqa: FBT003


def _recent(known: Mapping[Place, Minutes], look: Look) -> Mapping[Place, Minutes]:
    """Return the last minutes of the fullest resources; those that have gone may come back."""
    now = minute_of(look.now)
    found = {place: past for place, minutes in known.items() if (past := before(minutes, now))}
    ranks = {place: (0, float(minutes[-1].number)) for place, minutes in found.items()}
    for seen in look.namespaces:
        for resource, figures in seen.figures.items():
            place = (seen.netns, resource)
            minute = _minute(look, figures, seen.states)
            found[place] = with_minute(found.get(place, ()), minute)
            ranks[place] = (1, figures.ratio)
    chosen = nlargest(MOST_RESOURCES, found, key=lambda place: ranks[place])
    return {place: found[place] for place in chosen}
