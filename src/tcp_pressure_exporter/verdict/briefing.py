"""All that a page tells of one network namespace: chosen, put in order and worded."""

from collections.abc import Sequence
from dataclasses import dataclass

from tcp_pressure_exporter.sample.sample import PROCESS_NAMES, LeftOut
from tcp_pressure_exporter.verdict.actions import (
    ActionWords,
    FindingWords,
    action_words,
    actions,
    finding_words,
)
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.headline import Verdict, verdict_on
from tcp_pressure_exporter.verdict.refusals import RefusedWords, refused_words
from tcp_pressure_exporter.verdict.resources import Closest, closest
from tcp_pressure_exporter.verdict.stuck import StuckWords, stuck_words
from tcp_pressure_exporter.verdict.words import Labelled


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a page lays out: the worst first in every part.

    refused: None where nothing was, or nobody counts it. stuck: None where CLOSE_WAIT is not known.
    failures: each collector, and why it could not read. failures_by_reason: the same, the
    collectors that failed for one reason listed together.
    """

    verdict: Verdict
    closest: Closest
    refused: RefusedWords | None
    stuck: StuckWords | None
    findings: tuple[FindingWords, ...]
    actions: tuple[ActionWords, ...]
    failures: tuple[Labelled, ...]
    failures_by_reason: tuple[Labelled, ...]


def brief(assessment: Assessment, most_rows: int, left_out: LeftOut = ()) -> Briefing:
    """Return what to tell where there is room for so many of the resources.

    left_out: (what, why) is not known for want of rights.
    """
    names = PROCESS_NAMES not in dict(left_out)
    by = assessment.named_by._replace(process_names=names)
    todo = actions(assessment)
    return Briefing(
        verdict=verdict_on(assessment),
        closest=closest(assessment.pressures, most_rows, by),
        refused=refused_words(assessment.refused),
        stuck=stuck_words(assessment),
        findings=finding_words(assessment.findings, todo),
        actions=action_words(todo),
        failures=tuple(Labelled(*failure) for failure in assessment.failures),
        failures_by_reason=_by_reason(assessment.failures),
    )


def _by_reason(failures: Sequence[tuple[str, str]]) -> tuple[Labelled, ...]:
    by_reason: dict[str, list[str]] = {}
    for collector, reason in failures:
        by_reason.setdefault(reason, []).append(collector)
    return tuple(Labelled(", ".join(names), reason) for reason, names in by_reason.items())
