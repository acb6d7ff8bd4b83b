"""What one sample tells an incident memory: critical troubles, and how full each resource is."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.kinds import KINDS, Severity
from tcp_pressure_exporter.pools.table import pool_name
from tcp_pressure_exporter.pools.usage import closes_per_second
from tcp_pressure_exporter.sample.latest import STALE_INTERVALS
from tcp_pressure_exporter.sample.sample import POOLS, SOCKETS, NamespaceSample, Sample
from tcp_pressure_exporter.verdict.actions import part_runbook, part_subject
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.headline import trouble_sentence
from tcp_pressure_exporter.verdict.past.history import by_state
from tcp_pressure_exporter.verdict.past.minutes import Figures, States
from tcp_pressure_exporter.verdict.past.sightings import Involved, Look, NamespaceLook, Sighting
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, Refused
from tcp_pressure_exporter.verdict.troubles import (
    Part,
    Tie,
    Trouble,
    identity,
    severity_of_part,
    troubles,
)

LONGEST_TITLE, LONGEST_SENTENCE, LONGEST_NAME = 150, 220, 96  # characters; names come from outside


def look_of(sample: Sample, assessments: Iterable[Assessment]) -> Look:
    """Return what a sample shows, given the assessments of its namespaces."""
    each = zip(sample.namespaces, assessments, strict=True)
    return Look(
        now=sample.started,
        timestamp=sample.timestamp,
        holds=STALE_INTERVALS * sample.interval,
        own=shortened(sample.namespaces[0].netns, LONGEST_NAME),
        namespaces=tuple(_namespace(*one) for one in each if _read(one[0])),
    )


def _read(sample: NamespaceSample) -> bool:
    """Tell whether the pools could be read: if not, being calm was not observed."""
    pools = sample.outcome(POOLS)
    return pools is None or not pools.error


def _namespace(sample: NamespaceSample, found: Assessment) -> NamespaceLook:
    critical = found.severity is Severity.CRITICAL
    closes = _closes(sample)
    return NamespaceLook(
        netns=shortened(sample.netns, LONGEST_NAME),
        critical=tuple(_sightings(found)) if critical else (),
        figures={identity(one): _figures(one, closes) for one in found.pressures},
        states=_states(sample),
    )


def _closes(sample: NamespaceSample) -> Mapping[Tie, float]:
    """Return the closes per second of each pool whose TIME_WAIT shows them."""
    return {
        (direction, pool_name(direction, pool)): closes_per_second(pool.usage.ages)
        for direction, table in sample.pool_tables().items()
        for pool in table.listed
        if pool.usage.ages
    }


def _figures(one: Pressure, closes: Mapping[Tie, float]) -> Figures:
    rate = closes.get(identity(one))
    return Figures(one.used, one.limit, one.ratio, one.time_wait, rate, one.seconds_left)


def _states(sample: NamespaceSample) -> States | None:
    states = sample.value(SOCKETS)
    if states is None:
        return None
    counts = by_state(states)
    return States(*(counts[name] for name in States._fields))


def _sightings(found: Assessment) -> Iterator[Sighting]:
    for trouble in troubles(found):
        if trouble.severity is Severity.CRITICAL:
            yield _sighting(trouble, _said(trouble, found.refused))


def _said(trouble: Trouble, refused: Refused | None) -> str:
    """Say what is wrong; the incident itself counts how many calls were refused."""
    return trouble_sentence(trouble, refused if isinstance(trouble.head, Refusal) else None)


def _sighting(trouble: Trouble, said: str) -> Sighting:
    full = [part for part in trouble.parts if isinstance(part, Pressure)]
    calls = [part for part in trouble.parts if isinstance(part, Refusal)]
    return Sighting(
        parts=tuple(map(identity, trouble.parts)),
        title=shortened(part_subject(trouble.head), LONGEST_TITLE),
        sentence=shortened(said, LONGEST_SENTENCE),
        runbook=part_runbook(trouble.head),
        certain=any(map(_certain, trouble.parts)),
        resource=identity(full[0]) if full else None,
        ratio=full[0].ratio if full else 0.0,
        refused=sum(call.new for call in calls),
        owners=(*_callers(calls), *_holders(full)),
    )


def _certain(part: Part) -> bool:
    """Tell whether a part is critical now, and not only by a forecast."""
    if severity_of_part(part) < Severity.CRITICAL:
        return False
    if isinstance(part, Pressure):
        return part.refused or part.ratio >= KINDS[part.kind].critical
    return True


def _callers(calls: Sequence[Refusal]) -> Iterator[Involved]:
    for call in calls:
        if call.owner and call.new:
            yield Involved(_named(call.owner.owner), refused=call.new)


def _holders(full: Sequence[Pressure]) -> Iterator[Involved]:
    for pressure in full:
        for one in pressure.owners:
            yield Involved(_named(one.owner), closed=one.closed or 0, sockets=one.sockets)


def _named(owner: Owner) -> Owner:
    return Owner(*(shortened(name, LONGEST_NAME) for name in owner))


def shortened(text: str, most: int) -> str:
    """Return a text from outside, cut to a length."""
    return text if len(text) <= most else f"{text[: most - 1]}…"
