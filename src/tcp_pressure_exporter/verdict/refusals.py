"""The calls that the kernel refused for lack of a local port, in words: whose, and to which end."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.failures import FailureKind
from tcp_pressure_exporter.figures import counted, duration, period, short_time
from tcp_pressure_exporter.findings.finding import shortened
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.refusals import (
    BIND,
    NO_PORT_FOUND,
    REFUSALS,
    REFUSED_BELOW_LIMIT,
    far_from_full,
    refusal_severity,
)
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.table import end, pool_name
from tcp_pressure_exporter.sample.counted.failures import (
    STEP,
    WINDOW,
    FailureOwner,
    RecentCount,
    RecentFailures,
)
from tcp_pressure_exporter.sample.counted.refused_pools import ends_of, pool_between, refused_pools
from tcp_pressure_exporter.sample.sample import PORT_FAILURES, NamespaceSample
from tcp_pressure_exporter.verdict.words import capitalised, owner_name, severity_word

MOST = 10  # shown one by one
NOBODY_KNOWN = "an unknown process"
SEVERAL = "others"


class Refusal(NamedTuple):
    """Recently refused calls of one owner with the same ends.

    owner: None for all others together. failures: those of the last few minutes.
    seconds_ago: when the last one was. pool: the name of the listed pool that is full for it, whose
    pressure says what to do; "" for none. new: how many of the failures are from the newest sample.
    """

    kind: FailureKind
    owner: FailureOwner | None
    failures: int
    seconds_ago: float
    severity: Severity
    advice: str
    pool: str = ""
    new: int = 0

    @property
    def runbook(self) -> str:
        """Where to find more of the advice."""
        return REFUSALS[self.kind].runbook


class Refused(NamedTuple):
    """Everything that was refused in the last `seconds`, the worst first."""

    seconds: float
    each: tuple[Refusal, ...]

    def of_pool(self, name: str) -> list[Refusal]:
        """Return those for which the named pool is full."""
        return [refusal for refusal in self.each if refusal.pool == name]


def refused_calls(sample: NamespaceSample) -> Refused | None:
    """Return what the kernel refused; None where that is not counted."""
    failures = sample.value(PORT_FAILURES)
    if failures is None:
        return None
    found = sorted(
        _refusals(sample, failures.recent),
        key=lambda refusal: (-refusal.severity, -refusal.failures),
    )
    return Refused(failures.recent.seconds, tuple(found))


def _refusals(sample: NamespaceSample, recent: RecentFailures) -> Iterator[Refusal]:
    table = sample.pool_tables().get(OUTBOUND)
    listed = table.listed if table else ()
    full = {found.pool.key for found in refused_pools(listed, recent) if found.pool}
    below = table is not None and far_from_full(None, table.ratio_max_1m, 0.0)
    for owner, count in recent.owners.items():
        refusal = _refusal(owner.kind, owner, count, recent.new.get(owner, 0))
        pool = pool_between(ends_of(owner), listed) if owner.kind == NO_PORT_FOUND else None
        if pool and pool.key in full:
            refusal = refusal._replace(pool=pool_name(OUTBOUND, pool))
        elif below and owner.kind == NO_PORT_FOUND:
            refusal = refusal._replace(advice=REFUSED_BELOW_LIMIT.advice)
        yield refusal
    for kind, count in recent.others.items():
        yield _refusal(kind, None, count, recent.new_others.get(kind, 0))


def _refusal(
    kind: FailureKind, owner: FailureOwner | None, count: RecentCount, new: int
) -> Refusal:
    severity = refusal_severity(kind, count.seconds_ago)
    return Refusal(kind, owner, *count, severity, REFUSALS[kind].advice, new=new)


def full_sentence(refusals: Sequence[Refusal], seconds: float) -> str:
    """Say who was refused connections by a pool; that it is full is said elsewhere."""
    refused = counted(sum(refusal.failures for refusal in refusals), "connection")
    each = [f"{_who(refusal)} {refusal.failures:,}" for refusal in refusals]
    whose = _who(refusals[0]) if len(refusals) == 1 else shortened(each, most=2)
    return f"the kernel refused {refused} {in_the_last(seconds)}: {whose}"


def refusal_sentence(refusal: Refusal, seconds: float) -> str:
    """Say whose calls were refused, how many, and why."""
    row = REFUSALS[refusal.kind]
    refused = counted(refusal.failures, row.noun)
    who = _who(refusal)
    name = capitalised(who) if who in {NOBODY_KNOWN, SEVERAL} else who
    could_not = f"{name} could not {row.call} {_target(refusal)}"
    return f"{could_not}: {refused} refused {in_the_last(seconds)}, because {row.why}."


def refusal_line(refusal: Refusal, seconds: float) -> str:
    """Say the same on one line, without the reason."""
    refused = counted(refusal.failures, REFUSALS[refusal.kind].noun)
    return f"Refused {refused} {in_the_last(seconds)}: {refusal_subject(refusal)}"


def refusal_subject(refusal: Refusal) -> str:
    """Name the calls of an owner: whose they are, and to which end."""
    return f"{_who(refusal)} → {_target(refusal)}"


def in_the_last(seconds: float) -> str:
    """Say over which time it was counted."""
    whole = seconds >= WINDOW - STEP
    return f"in the last {period(WINDOW if whole else seconds)}"


def _who(refusal: Refusal) -> str:
    if refusal.owner is None:
        return SEVERAL
    return owner_name(refusal.owner.owner) or NOBODY_KNOWN


def refused_ends(owner: FailureOwner) -> str:
    """Name the ends of a refused connection as its pool would."""
    return f"{owner.local_address} → {end(owner.remote_address, owner.port)}"


def _target(refusal: Refusal) -> str:
    """Name the end that the call was about: the remote one, or for bind() the local one."""
    owner = refusal.owner
    if owner is None:
        return "several destinations"
    if refusal.kind.call != BIND:
        return end(owner.remote_address, owner.port)
    if owner.port in {"", "0"}:
        return f"a port of {owner.local_address}"
    return end(owner.local_address, owner.port)


class RefusalWords(NamedTuple):
    """One row. call: what could not be done. last: how long ago."""

    who: str
    call: str
    refused: str
    last: str
    why: str
    urgent: bool
    severity: str


class RefusedWords(NamedTuple):
    """What was refused, the worst first. title: says over which time. rest: what is left out."""

    title: str
    rows: tuple[RefusalWords, ...]
    rest: str


def none_refused(refused: Refused | None) -> str:
    """Say that no connection was refused meanwhile; "" if one was, or they are not counted."""
    if refused is None or refused.each:
        return ""
    return (
        "No connection was refused for lack of a port while this report looked"
        f" ({short_time(refused.seconds)})."
    )


def refused_words(refused: Refused | None) -> RefusedWords | None:
    """Return what was refused in words; None if that is not counted, or nothing was."""
    if refused is None or not refused.each:
        return None
    left_out = sum(refusal.failures for refusal in refused.each[MOST:])
    return RefusedWords(
        title=f"Refused for lack of a port {in_the_last(refused.seconds)}",
        rows=tuple(map(_row, refused.each[:MOST])),
        rest=f"and {counted(left_out, 'call')} by others" if left_out else "",
    )


def _row(refusal: Refusal) -> RefusalWords:
    row = REFUSALS[refusal.kind]
    ago = refusal.seconds_ago
    return RefusalWords(
        who=_who(refusal),
        call=f"{row.call} {_target(refusal)}",
        refused=f"{refusal.failures:,}",
        last="just now" if ago < STEP else f"{duration(ago)} ago",
        why=row.why,
        urgent=refusal.severity > Severity.CALM,
        severity=severity_word(refusal.severity),
    )
