"""The verdict as a word and one sentence, and the sentence that `systemctl status` shows."""

import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, duration, percent
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import BLOCKED_PORTS, Severity, severity_of
from tcp_pressure_exporter.findings.refusals import NO_PORT_FOUND
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND
from tcp_pressure_exporter.pools.table import ListedPool, pool_name
from tcp_pressure_exporter.sample.sample import LOCAL_PORTS, POOLS, NamespaceSample, Sample
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import (
    Refusal,
    Refused,
    full_sentence,
    refusal_line,
    refusal_sentence,
    refused_calls,
)
from tcp_pressure_exporter.verdict.resources import FULL, subject, time_left
from tcp_pressure_exporter.verdict.troubles import Trouble, troubles
from tcp_pressure_exporter.verdict.words import UNKNOWN, capitalised


class Verdict(NamedTuple):
    """The verdict as a word, and what it rests on in one sentence."""

    word: str
    sentence: str


NO_SAMPLE = Verdict(UNKNOWN, "No sample has been taken yet.")
TOO_OLD = Verdict(UNKNOWN, "No current data: the newest sample is more than three intervals old.")


def verdict_on(assessment: Assessment) -> Verdict:
    """Return the verdict on a namespace."""
    return Verdict(assessment.verdict, headline(assessment))


def headline(assessment: Assessment) -> str:
    """Return the sentence: the worst thing found, or that there is nothing."""
    if assessment.blind:
        return _blind(assessment)
    if assessment.severity is Severity.CALM:
        return _calm(assessment)
    worst, *others = troubles(assessment)
    return trouble_sentence(worst, assessment.refused) + _others(others)


def _blind(assessment: Assessment) -> str:
    if assessment.sockets_read:
        return (
            "The sockets could be read, but not the settings that say which ports connections"
            " may use, so there is no verdict."
        )
    return "The sockets could not be read, so there is no verdict."


def _calm(assessment: Assessment) -> str:
    scope = "As far as it could be read, all" if assessment.failures else "All"
    unseen = assessment.not_looked_at
    if not unseen:
        return f"{scope} is calm: nothing is near its limit."
    others = counted(unseen, "other network namespace")
    return f"{scope} is calm here: nothing is near its limit. Not looked at: {others}."


def trouble_sentence(trouble: Trouble, refused: Refused | None) -> str:
    """Say what is wrong. refused: all refused calls, some of which may belong to the trouble."""
    head = trouble.head
    match head:
        case Refusal():
            return refusal_sentence(head, refused.seconds if refused else 0.0)
        case Stuck():
            return _stuck(head)
        case FindingState():
            return f"{head.finding.name}: {head.detail}."
        case _:
            return _resource(head, trouble, refused) + _more_pools(head, trouble)


def _resource(head: Pressure, trouble: Trouble, refused: Refused | None) -> str:
    """Say how full a resource is, and whose connections were refused because of it."""
    refusals = [part for part in trouble.parts if isinstance(part, Refusal)]
    connects = [one for one in refusals if one.kind == NO_PORT_FOUND]
    if refused is None or not connects:
        return _pressure(head)
    told = full_sentence(connects, refused.seconds)
    if head.kind == OUTBOUND and refused.of_pool(head.name):
        return f"{_full(head)}: {told}."
    return f"{_pressure(head)} {capitalised(told)}."


def _more_pools(head: Pressure, trouble: Trouble) -> str:
    """Say how many more pools the trouble has."""
    pools = [part for part in trouble.parts[1:] if isinstance(part, Pressure)]
    more = sum(part.kind in {OUTBOUND, NAT, INBOUND} for part in pools)
    if not more:
        return ""
    if head.kind == BLOCKED_PORTS:
        return f" That fills {counted(more, 'pool')}."
    return f" The same cause fills {counted(more, 'more pool')}."


def _pressure(pressure: Pressure) -> str:
    if pressure.kind == BLOCKED_PORTS:
        return held_sentence(pressure.used, pressure.limit or 0)
    what = capitalised(subject(pressure))
    if pressure.refused and time_left(pressure) == FULL:
        return f"{what} is full: the kernel has no port left for a new connection."
    if pressure.is_full:
        return f"{_full(pressure)}."
    said = f"{what} is {percent(pressure.ratio)} full"
    left = pressure.seconds_left
    if left is None or math.isinf(left):
        return f"{said}."
    return f"{said} and will be full in {time_left(pressure)} at this rate."


def _full(pressure: Pressure) -> str:
    """Say that a resource is full, or that it was full and has room again."""
    what, told = capitalised(subject(pressure)), time_left(pressure)
    return f"{what} is full" if told == FULL else f"{what} was {told}"


def held_sentence(used: int, limit: int) -> str:
    """Say how many local ports are held, out of those that connect() may choose."""
    if limit == 0:
        return "No local port is usable: every connect() fails."
    held = "local ports are held by bound sockets and listeners"
    if used >= limit:
        return f"All {limit:,} {held}: every connect() fails."
    return f"{used:,} of {limit:,} {held}."


def _stuck(stuck: Stuck) -> str:
    connections, oldest = counted(stuck.sockets, "connection"), duration(stuck.oldest_seconds)
    are = "is" if stuck.sockets == 1 else "are"
    return f"{connections} {are} stuck in CLOSE_WAIT, the oldest for at least {oldest}."


def _others(others: Sequence[Trouble]) -> str:
    """Say how many other troubles there are."""
    severities = [trouble.severity for trouble in others]
    critical = severities.count(Severity.CRITICAL)
    warnings = severities.count(Severity.WARNING)
    parts = [f"{critical} more critical"] if critical else []
    if warnings:
        parts.append(counted(warnings, "warning"))
    return f" Also: {', '.join(parts)}." if parts else ""


class _Told(NamedTuple):
    """What one line may say, in order of importance."""

    severity: Severity
    cause: bool
    ratio: float
    line: str


def status_line(sample: Sample) -> str:
    """Return the worst of all namespaces; not escaped.

    That is the fullest pool, what blocks the ports of all pools, or whose connections were refused.
    """
    own = sample.namespaces[0]
    pools = own.outcome(POOLS)
    if pools and pools.error:
        return f"Cannot read the port pools: {pools.error}"
    told = [
        one
        for namespace in sample.namespaces
        for one in _told(namespace, "" if namespace is own else f" in {namespace.netns}")
    ]
    return max(told).line if told else "No port pool is near its limit"


def _told(namespace: NamespaceSample, where: str) -> Iterator[_Told]:
    for direction, table in namespace.pool_tables().items():
        for pool in table.listed:
            ratio, name = pool.usage.ratio, f"{direction} {pool_name(direction, pool)}{where}"
            line = f"Fullest port pool: {name} is {_fullness(pool)}"
            yield _Told(severity_of(direction, ratio, None), cause=False, ratio=ratio, line=line)
    ports = namespace.value(LOCAL_PORTS)
    if ports and (bad := severity_of(BLOCKED_PORTS, ports.blocked_ratio, None)):
        line = held_sentence(ports.blocked, ports.choosable).rstrip(".") + where
        yield _Told(bad, cause=True, ratio=ports.blocked_ratio, line=line)
    refused = refused_calls(namespace)
    if refused and refused.each:
        worst = refused.each[0]
        line = refusal_line(worst, refused.seconds) + where
        yield _Told(worst.severity, cause=True, ratio=math.inf, line=line)


def _fullness(pool: ListedPool) -> str:
    share = f"{percent(pool.usage.ratio)} full"
    left = pool.outlook.exhaustion_seconds if pool.outlook else math.inf
    if math.isinf(left) or pool.usage.ratio >= 1:
        return share
    return f"{share}, and will be full in {duration(left)}"
