"""The verdict in words: figures, owners, and one sentence."""

import math
from collections.abc import Iterable

from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_CAUSES
from tcp_pressure_exporter.findings.kinds import KINDS, Severity
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.verdict.assessment import Assessment, Pressure, Stuck

FULL = "full now"
MINUTE, HOUR, DAY = 60, 3600, 86_400
MIB = 2**20


def percent(ratio: float) -> str:
    """Write a ratio, rounded down: only what is full is 100 %."""
    return "<1 %" if 0 < ratio < 0.01 else f"{int(ratio * 100)} %"  # noqa: PLR2004 - one per cent


def duration(seconds: float) -> str:
    """Write a duration in its largest unit that is worth two of them, rounded down."""
    for unit, length in (("days", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 2 * length:
            return f"{int(seconds / length)} {unit}"
    return f"{int(seconds)} s" if seconds >= 1 else "under 1 s"


def time_left(pressure: Pressure) -> str:
    """Write how long a resource lasts."""
    left = pressure.seconds_left
    if pressure.refused or left == 0:
        return FULL
    if left is None:
        return "unknown"
    return "not in sight" if math.isinf(left) else duration(left)


def heads_for(pressure: Pressure) -> str:
    """Write what today's rate leads to, "" where that is not known.

    Nor where a burst fills the pool before: that it would be less in the end comforts nobody.
    """
    ratio, left = pressure.steady_state_ratio, pressure.seconds_left
    if ratio is None or (ratio < 1 and left is not None and math.isfinite(left)):
        return ""
    return percent(ratio)


def used_of_limit(pressure: Pressure) -> str:
    """Write how much is used, and of how much."""
    if KINDS[pressure.kind].in_bytes:
        return f"{pressure.used / MIB:,.0f} / {pressure.limit / MIB:,.0f} MiB"
    return f"{pressure.used:,} / {pressure.limit:,}"


def owners_words(owners: Iterable[OwnerCount]) -> str:
    """List owners as `service (process) sockets`."""
    return ", ".join(f"{_owner_words(count)} {count.sockets:,}" for count in owners)


def _owner_words(count: OwnerCount) -> str:
    service, process = count.owner
    return f"{service} ({process})" if service and process else service or process


def counted(count: int, noun: str) -> str:
    """Write a number of things, for nouns whose plural is regular."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def headline(assessment: Assessment) -> str:
    """Return the sentence: the worst that was found, or that nothing was."""
    if assessment.blind:
        return "The sockets could not be read, so there is no verdict."
    if assessment.severity is Severity.CALM:
        return _calm(assessment)
    return _worst(assessment) + _others(assessment)


def _calm(assessment: Assessment) -> str:
    scope = "As far as it could be read, all" if assessment.failures else "All"
    return f"{scope} is calm: nothing is close to its limit."


def _worst(assessment: Assessment) -> str:
    severity = assessment.severity
    for pressure in assessment.pressures:
        if pressure.severity is severity:
            return _pressure(pressure)
    for stuck in assessment.stuck:
        if stuck.severity is severity:
            connections = counted(stuck.sockets, "connection")
            oldest = duration(stuck.oldest_seconds)
            return f"{connections} stuck in CLOSE_WAIT, the oldest for at least {oldest}."
    state = assessment.findings[0]
    return f"{state.finding.name}: {state.detail}."


def _pressure(pressure: Pressure) -> str:
    subject = pressure_subject(pressure)
    subject = subject[:1].upper() + subject[1:]
    if pressure.refused:
        return f"{subject} is full: the kernel has no port left for a new connection."
    if time_left(pressure) == FULL:
        return f"{subject} is full."
    said = f"{subject} is {percent(pressure.ratio)} full"
    left = pressure.seconds_left
    if left is None or math.isinf(left):
        return f"{said}."
    return f"{said} and lasts {time_left(pressure)} at this rate."


def _others(assessment: Assessment) -> str:
    """Say how much more there is."""
    severities = [
        *(pressure.severity for pressure in assessment.pressures),
        *(stuck.severity for stuck in assessment.stuck),
        *(state.finding.severity for state in assessment.findings),
    ]
    severities.remove(assessment.severity)
    critical = severities.count(Severity.CRITICAL)
    warnings = severities.count(Severity.WARNING)
    parts = [f"{critical} more critical"] if critical else []
    if warnings:
        parts.append(counted(warnings, "warning"))
    return f" Also: {', '.join(parts)}." if parts else ""


def pressure_subject(pressure: Pressure) -> str:
    """Name a resource: its kind, and which one where there are several."""
    kind = KINDS[pressure.kind].words
    return f"{kind} {pressure.name}" if pressure.name else kind


def stuck_subject(stuck: Stuck) -> str:
    """Name the sockets in CLOSE_WAIT of one cause."""
    return f"CLOSE_WAIT ({CLOSE_WAIT_CAUSES[stuck.cause].words})"
