"""What a sample means to a person: what is wrong, how bad it is, and what is not known."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

from tcp_pressure_exporter.facts.outcome import SettingError
from tcp_pressure_exporter.findings.close_wait import close_wait_row, close_wait_severity
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.sample.sample import (
    ACTIVE_CLOSES,
    CLOSE_WAIT,
    FINDINGS,
    POOL_OWNERS,
    POOLS,
    NamespaceSample,
)
from tcp_pressure_exporter.verdict.pressures import Pressure, pressures
from tcp_pressure_exporter.verdict.refusals import Refused, refused_calls
from tcp_pressure_exporter.verdict.words import UNKNOWN, severity_word

_WORST_FIRST = ("critical", "warning", UNKNOWN, "calm")


class Stuck(NamedTuple):
    """Sockets in CLOSE_WAIT with one cause. oldest_seconds: a lower bound of the oldest one's age.

    never_accepted: how many of these are still in the accept queue of a listener.
    """

    cause: str
    sockets: int
    oldest_seconds: float
    severity: Severity
    advice: str
    never_accepted: int = 0

    @property
    def urgent(self) -> bool:
        """Whether something needs to be done."""
        return self.severity > Severity.CALM


class NamedBy(NamedTuple):
    """How owners of pools are found here: by their live sockets, by name, by their closes."""

    sockets: bool = True
    process_names: bool = True
    closes: bool = True


@dataclass(frozen=True, slots=True)
class Assessment:
    """The worst first in every part.

    severity: the worst of all. close_wait: the owners of the stuck sockets; None where not known.
    findings: those that found something. failures: (collector, reason) for what is not known.
    blind: whether the pools could not be read, so that a calm result says nothing. sockets_read:
    whether sockets could be read, and only settings were missing. not_looked_at: how many other
    network namespaces were not looked at. refused: calls refused for lack of a local port; None
    where they are not counted. named_by: how owners of pools are found here.
    """

    netns: str
    severity: Severity
    pressures: tuple[Pressure, ...]
    stuck: tuple[Stuck, ...]
    close_wait: CloseWait | None
    findings: tuple[FindingState, ...]
    failures: tuple[tuple[str, str], ...]
    blind: bool = False
    sockets_read: bool = False
    not_looked_at: int = 0
    refused: Refused | None = None
    named_by: NamedBy = field(default_factory=NamedBy)

    @property
    def verdict(self) -> str:
        """The severity as a word; "unknown" if it cannot be determined."""
        return UNKNOWN if self.blind else severity_word(self.severity)

    @property
    def rank(self) -> int:
        """The rank among others, 0 for the worst: unknown ranks as worse than calm."""
        return _WORST_FIRST.index(self.verdict)


def assess(sample: NamespaceSample, not_looked_at: int = 0) -> Assessment:
    """Return what a sample means; not_looked_at: how many other namespaces were not looked at."""
    found = pressures(sample)
    waiting, pools = sample.value(CLOSE_WAIT), sample.outcome(POOLS)
    stuck = sorted(_stuck(waiting), key=lambda s: (-s.severity, -s.sockets)) if waiting else []
    states = sample.value(FINDINGS) or ()
    findings = sorted(
        (state for state in states if state.detail is not None),
        key=lambda state: -state.finding.severity,
    )
    refused = refused_calls(sample)
    severities = [
        *(pressure.severity for pressure in found),
        *(refusal.severity for refusal in (refused.each if refused else ())),
        *(cause.severity for cause in stuck),
        *(state.finding.severity for state in findings),
    ]
    severity = max(severities, default=Severity.CALM)
    return Assessment(
        netns=sample.netns,
        severity=severity,
        pressures=tuple(found),
        stuck=tuple(stuck),
        close_wait=waiting,
        findings=tuple(findings),
        failures=tuple(
            (collector, str(outcome.error))
            for collector, outcome in sample.outcomes()
            if outcome.error
        ),
        blind=severity == Severity.CALM and pools is not None and bool(pools.error),
        sockets_read=pools is not None and isinstance(pools.error, SettingError),
        not_looked_at=not_looked_at,
        refused=refused,
        named_by=NamedBy(
            sockets=sample.outcome(POOL_OWNERS) is not None,
            closes=sample.outcome(ACTIVE_CLOSES) is not None,
        ),
    )


def _stuck(waiting: CloseWait) -> Iterator[Stuck]:
    for cause, (sockets, oldest, never_accepted) in waiting.causes.items():
        if sockets:
            severity = close_wait_severity(sockets, oldest)
            advice = close_wait_row(cause, sockets, never_accepted).advice
            yield Stuck(cause, sockets, oldest, severity, advice, never_accepted)
