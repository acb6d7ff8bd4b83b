"""The verdict as a word and one sentence, and the sentence that `systemctl status` shows."""

import math
from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, duration, percent
from tcp_pressure_exporter.findings.kinds import BLOCKED_PORTS, Severity, severity_of
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.table import ListedPool, pool_name
from tcp_pressure_exporter.sample.sample import LOCAL_PORTS, POOLS, NamespaceSample, Sample
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import (
    Refused,
    full_sentence,
    refusal_line,
    refusal_sentence,
    refused_calls,
)
from tcp_pressure_exporter.verdict.resources import FULL, subject, time_left
from tcp_pressure_exporter.verdict.words import UNKNOWN, capitalised


class Verdict(NamedTuple):
    """The verdict as a word, and in one sentence what it rests on."""

    word: str
    sentence: str


NO_SAMPLE = Verdict(UNKNOWN, "No sample has been taken yet.")
TOO_OLD = Verdict(UNKNOWN, "No current data: the newest sample is more than three intervals old.")


def verdict_on(assessment: Assessment) -> Verdict:
    """Return the verdict on a namespace."""
    return Verdict(assessment.verdict, headline(assessment))


def headline(assessment: Assessment) -> str:
    """Return the sentence: the worst that was found, or that nothing was."""
    if assessment.blind:
        return _blind(assessment)
    if assessment.severity is Severity.CALM:
        return _calm(assessment)
    return _worst(assessment) + _others(assessment)


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


def _worst(assessment: Assessment) -> str:
    severity = assessment.severity
    if assessment.refused and (said := _refused(assessment, assessment.refused)):
        return said
    for pressure in assessment.pressures:
        if pressure.severity is severity:
            return _pressure(pressure)
    for stuck in assessment.stuck:
        if stuck.severity is severity:
            return _stuck(stuck)
    state = assessment.findings[0]
    return f"{state.finding.name}: {state.detail}."


def _refused(assessment: Assessment, refused: Refused) -> str:
    """Say whose calls were refused, "" where that is not the worst."""
    for pressure in assessment.pressures:
        told = refused.of_pool(pressure.name) if pressure.kind == OUTBOUND else []
        if told:
            full = f"{capitalised(subject(pressure))} is full"
            return f"{full}: {full_sentence(told, refused.seconds)}."
    for refusal in refused.untold():
        if refusal.severity is assessment.severity:
            return refusal_sentence(refusal, refused.seconds)
    return ""


def _pressure(pressure: Pressure) -> str:
    if pressure.kind == BLOCKED_PORTS:
        return held_sentence(pressure.used, pressure.limit or 0)
    what = capitalised(subject(pressure))
    if pressure.refused:
        return f"{what} is full: the kernel has no port left for a new connection."
    if time_left(pressure) == FULL:
        return f"{what} is full."
    said = f"{what} is {percent(pressure.ratio)} full"
    left = pressure.seconds_left
    if left is None or math.isinf(left):
        return f"{said}."
    return f"{said} and will be full in {time_left(pressure)} at this rate."


def held_sentence(used: int, limit: int) -> str:
    """Say how many local ports are held, of how many that connect() may choose from."""
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


def _others(assessment: Assessment) -> str:
    """Say how much more there is."""
    severities = assessment.severities
    severities.remove(assessment.severity)
    critical = severities.count(Severity.CRITICAL)
    warnings = severities.count(Severity.WARNING)
    parts = [f"{critical} more critical"] if critical else []
    if warnings:
        parts.append(counted(warnings, "warning"))
    return f" Also: {', '.join(parts)}." if parts else ""


class _Told(NamedTuple):
    """What may be told on one line, in the order in which it matters."""

    severity: Severity
    cause: bool
    ratio: float
    line: str


def status_line(sample: Sample) -> str:
    """Return the worst of all namespaces; not escaped.

    That is the fullest pool, who keeps them all from ports, or whose connections were refused.
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
