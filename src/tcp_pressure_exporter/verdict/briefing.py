"""Everything that a page says about one network namespace: selected, ordered and worded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tcp_pressure_exporter.figures import percent
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.sample.sample import PROCESS_NAMES, LeftOut
from tcp_pressure_exporter.verdict.actions import (
    ActionWords,
    FindingWords,
    action_words,
    actions,
    finding_words,
)
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.headline import Verdict, verdict_on
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, RefusedWords, refused_words
from tcp_pressure_exporter.verdict.resources import Closest, closest, subject
from tcp_pressure_exporter.verdict.stuck import StuckWords, stuck_words
from tcp_pressure_exporter.verdict.troubles import Part, Trouble, troubles
from tcp_pressure_exporter.verdict.words import Labelled, urgency

URGENCIES = tuple(map(urgency, sorted(Severity, reverse=True)))


@dataclass(frozen=True, slots=True)
class Briefing:
    """What a page lays out: the worst first in every part.

    order: the parts that say what is wrong, the worst first. findings_of: by resource, the findings
    that belong to a row of `closest`; findings: all the others. with_it: the resources that are
    full together with it and have no row.
    refused: None where nothing was refused, or it is not counted. stuck: None where CLOSE_WAIT is
    not known.
    failures: each collector, and why it could not read. failures_by_reason: the same, with the
    collectors that failed for one reason listed together.
    """

    verdict: Verdict
    order: tuple[str, ...]
    closest: Closest
    findings_of: Mapping[Pressure, tuple[FindingWords, ...]]
    with_it: Mapping[Pressure, str]
    refused: RefusedWords | None
    stuck: StuckWords | None
    findings: tuple[FindingWords, ...]
    actions: tuple[ActionWords, ...]
    failures: tuple[Labelled, ...]
    failures_by_reason: tuple[Labelled, ...]

    @property
    def all_findings(self) -> tuple[FindingWords, ...]:
        """The findings of both."""
        return (*self.findings, *(one for some in self.findings_of.values() for one in some))


def brief(assessment: Assessment, most_rows: int, left_out: LeftOut = ()) -> Briefing:
    """Return what to say where there is room for `most_rows` of the resources.

    left_out: (what, why) for anything not known for lack of privileges.
    """
    names = PROCESS_NAMES not in dict(left_out)
    by = assessment.named_by._replace(process_names=names)
    todo, found = actions(assessment), troubles(assessment)
    echoes = {echo for one in found for echo in one.echoes}
    apart = [pressure for pressure in assessment.pressures if pressure not in echoes]
    rows = closest(apart, most_rows, by)
    shown = {row.pressure for row in rows.rows}
    folded = [one for one in found if isinstance(one.head, Pressure) and one.head in shown]
    others = [words for one in found if one not in folded for words in finding_words(one, todo)]
    return Briefing(
        verdict=verdict_on(assessment),
        order=_order(found),
        closest=rows,
        findings_of={
            one.head: finding_words(one, todo) for one in folded if isinstance(one.head, Pressure)
        },
        with_it={
            one.head: ", ".join(map(_echo, one.echoes))
            for one in folded
            if isinstance(one.head, Pressure) and one.echoes
        },
        refused=refused_words(assessment.refused),
        stuck=stuck_words(assessment),
        findings=tuple(sorted(others, key=lambda words: URGENCIES.index(words.urgency))),
        actions=action_words(todo),
        failures=tuple(Labelled(*failure) for failure in assessment.failures),
        failures_by_reason=_by_reason(assessment.failures),
    )


def _echo(pressure: Pressure) -> str:
    return f"{subject(pressure)}, {percent(pressure.ratio)} full"


REFUSED, CLOSEST, STUCK = "refused", "closest", "stuck"


def _order(found: Sequence[Trouble]) -> tuple[str, ...]:
    """Return the order of the parts: first what the worst trouble is about, then the others.

    Within one trouble, refused calls come first, since users notice them now.
    """
    kinds = {REFUSED: Refusal, CLOSEST: Pressure, STUCK: Stuck}
    worst = {name: _first(found, kind) for name, kind in kinds.items()}
    return tuple(sorted(kinds, key=lambda name: worst[name]))


def _first(found: Sequence[Trouble], kind: type[Part]) -> int:
    having = (any(isinstance(part, kind) for part in one.parts) for one in found)
    return next((place for place, has in enumerate(having) if has), len(found))


def _by_reason(failures: Sequence[tuple[str, str]]) -> tuple[Labelled, ...]:
    by_reason: dict[str, list[str]] = {}
    for collector, reason in failures:
        by_reason.setdefault(reason, []).append(collector)
    return tuple(Labelled(", ".join(names), reason) for reason, names in by_reason.items())
