"""What belongs together: one cause is one trouble, however many things point to it.

A critical pool, the source pool that is equally full, the refused connections and the findings
about it are one. So are pools filled by one client, one destination or bound sockets. Two things
with a tie in common are parts of one trouble; the worst is its head, to which the others are tied.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.facts.failures import CONNECT
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.close_wait import NEVER_ACCEPTED, close_wait_row
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import (
    BLOCKED_PORTS,
    LISTEN_QUEUE,
    ORPHANS,
    TIME_WAIT_BUCKETS,
    Severity,
)
from tcp_pressure_exporter.findings.refusals import BIND_NO_PORT, NO_PORT_FOUND
from tcp_pressure_exporter.pools.directions import OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.near_limit.live_states import (
    CLOSE_WAIT,
    FIN_UNANSWERED,
    FIN_WAIT2_ORPHAN,
)
from tcp_pressure_exporter.pools.usage import is_mostly
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, refused_ends
from tcp_pressure_exporter.verdict.words import owner_name

Part = Pressure | Refusal | Stuck | FindingState
Tie = tuple[str, str]  # a kind of thing, and which one

CLIENT, REMOTE, ACCEPTING, FINDING = "client", "remote", "accepting", "finding"
LEAK: Tie = ("close_wait", "application")
PEERS: Tie = ("close_wait", "peers")
LEAKING = frozenset({"eof_unread", "not_closed"})  # CLOSE_WAIT by the application's own fault
ALL_BLOCKED: Tie = (BLOCKED_PORTS, "")


class Trouble(NamedTuple):
    """One cause: its parts, the worst first."""

    parts: tuple[Part, ...]

    @property
    def head(self) -> Part:
        """The part that stands for all."""
        return self.parts[0]

    @property
    def severity(self) -> Severity:
        """That of the worst part."""
        return severity_of_part(self.head)

    @property
    def refuses(self) -> bool:
        """Whether the kernel refuses calls, with nothing in it worse: users notice that now."""
        refusals = (part for part in self.parts if isinstance(part, Refusal))
        return any(refusal.severity is self.severity for refusal in refusals)

    @property
    def echoes(self) -> tuple[Pressure, ...]:
        """Return the resources that are merely as full as the head."""
        pressures = (part for part in self.parts if isinstance(part, Pressure))
        return tuple(one for one in pressures if one.kind == SOURCE and self.teller(one) is not one)

    def teller(self, part: Part) -> Part:
        """Return the part whose advice covers this one, as it may only repeat the head's."""
        return self.head if _repeats(part, self.head) else part


def severity_of_part(part: Part) -> Severity:
    """Return the severity of one part of a trouble."""
    return part.finding.severity if isinstance(part, FindingState) else part.severity


def _repeats(part: Part, head: Part) -> bool:
    """Tell whether the advice on the head says the same as that on the part, or is better."""
    if not isinstance(head, Pressure):
        return False
    match part:
        case Refusal():
            return part.kind.call == CONNECT or head.kind in {SOURCE, BLOCKED_PORTS}
        case Stuck():
            return head.kind == OUTBOUND
        case FindingState():
            return part.finding.restates and head.kind in part.finding.about
        case _:
            echo = part.kind == SOURCE and part.severity < Severity.CRITICAL
            blocked = part.blocked and head.kind == BLOCKED_PORTS
            return blocked or (echo and head.kind == OUTBOUND)


def troubles(assessment: Assessment) -> tuple[Trouble, ...]:
    """Return what is wrong, the worst first, with what can wait last."""
    known = _known(assessment)
    found: list[list[Part]] = []
    places: dict[Tie, int] = {}
    for part in sorted(_parts(assessment), key=lambda part: -severity_of_part(part)):
        ties = tuple(_ties(part, known))
        place = min((places[tie] for tie in ties if tie in places), default=len(found))
        if place == len(found):
            found.append([])
        found[place].append(part)
        # What a part has in common with the head says nothing about its other ties.
        for tie in ties if len(found[place]) == 1 else ties[:1]:
            places.setdefault(tie, place)
    all_of_them = (Trouble(tuple(parts)) for parts in found)
    return tuple(sorted(all_of_them, key=lambda one: (-one.severity, not one.refuses)))


def _parts(assessment: Assessment) -> Iterator[Part]:
    yield from (pressure for pressure in assessment.pressures if pressure.urgent)
    yield from assessment.refused.each if assessment.refused else ()
    yield from (stuck for stuck in assessment.stuck if stuck.urgent)
    yield from assessment.findings


def identity(part: Part) -> Tie:
    """Return what a part is, however it changes from sample to sample."""
    match part:
        case Refusal():
            return _refusal(part)
        case Stuck():
            return LEAK if part.cause in LEAKING else PEERS
        case FindingState():
            return FINDING, part.finding.name
        case _:
            return part.kind, part.name


def _refusal(refusal: Refusal) -> Tie:
    kind, owner = refusal.kind, refusal.owner
    if owner is None:
        return f"{kind.call} {kind.cause} of others", ""
    if kind == NO_PORT_FOUND:
        return OUTBOUND, refusal.pool or refused_ends(owner)
    if kind == BIND_NO_PORT:
        return kind.call, owner.local_address
    return f"{kind.call} {kind.cause}", owner_name(owner.owner)


@dataclass(frozen=True, slots=True)
class _Known:
    """What ties are made from. sources: used ports by source pool. buckets: those of TIME_WAIT."""

    assessment: Assessment
    names: frozenset[Tie]
    sources: Mapping[str, int]
    buckets: int | None


def _known(assessment: Assessment) -> _Known:
    pressures = assessment.pressures
    refused = assessment.refused.each if assessment.refused else ()
    return _Known(
        assessment,
        frozenset((*map(identity, pressures), *map(identity, refused))),
        {one.name: one.used for one in pressures if one.kind == SOURCE},
        next((one.used for one in pressures if one.kind == TIME_WAIT_BUCKETS), None),
    )


def _ties(part: Part, known: _Known) -> Iterator[Tie]:
    """Yield what a part may have in common with others; first what it is itself."""
    yield identity(part)
    match part:
        case Refusal():
            yield from _of_refusal(part, known)
        case Stuck():
            never = close_wait_row(part.cause, part.sockets, part.never_accepted)
            if never is NEVER_ACCEPTED:
                yield from _urgent({LISTEN_QUEUE}, known)
        case FindingState():
            yield from _of_finding(part, known)
        case _:
            yield from _of_pressure(part, known)


def _of_pressure(one: Pressure, known: _Known) -> Iterator[Tie]:
    if one.blocked:
        yield ALL_BLOCKED
    if one.remote:
        yield f"{one.kind} {REMOTE}", one.remote
    if one.owners and one.kind == LISTEN_QUEUE:
        yield from _of_owner(ACCEPTING, one.owners[0].owner)
    if one.kind == OUTBOUND:
        yield from _of_outbound(one, known)


def _of_outbound(one: Pressure, known: _Known) -> Iterator[Tie]:
    if is_mostly(one.used, known.sources.get(one.local)):
        yield SOURCE, one.local
    if is_mostly(one.time_wait, known.buckets):
        yield TIME_WAIT_BUCKETS, ""
    if one.filling == CLOSE_WAIT:
        yield LEAK
    if one.filling in {FIN_UNANSWERED, FIN_WAIT2_ORPHAN}:
        yield ORPHANS, ""
    filled_by = "time_wait" if one.mostly_time_wait else one.filling
    if one.owners and filled_by and not one.blocked:
        yield from _of_owner(f"{CLIENT} {filled_by}", one.owners[0].owner)


def _of_refusal(refusal: Refusal, known: _Known) -> Iterator[Tie]:
    kind, owner = refusal.kind, refusal.owner
    if owner is None:
        refused = known.assessment.refused
        same = (one for one in (refused.each if refused else ()) if one.kind == kind)
        yield from map(_refusal, same)
    elif kind in {NO_PORT_FOUND, BIND_NO_PORT}:
        yield from _urgent({BLOCKED_PORTS}, known)
        yield from _of_owner(f"{CLIENT} {kind.call}", owner.owner)
        if kind == BIND_NO_PORT:
            yield SOURCE, owner.local_address


def _of_owner(what: str, owner: Owner) -> Iterator[Tie]:
    """Yield a tie between parts with the same owner, if known."""
    if name := owner_name(owner):
        yield what, name


def _of_finding(state: FindingState, known: _Known) -> Iterator[Tie]:
    """Yield the one that the detail names, or else all that are in trouble, or would be."""
    about, detail = state.finding.about, state.detail or ""
    named = [tie for tie in known.names if tie[0] in about and tie[1] and tie[1] in detail]
    if named:
        yield max(named, key=lambda tie: len(tie[1]))
        return
    yield from _urgent(about, known)
    yield from ((kind, "") for kind in about)


def _urgent(kinds: Collection[str], known: _Known) -> Iterator[Tie]:
    for one in known.assessment.pressures:
        if one.urgent and one.kind in kinds:
            yield identity(one)
