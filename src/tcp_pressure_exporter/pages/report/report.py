"""The whole report, from the verdict down to what more privileges would show."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.figures import short_time
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.report.alone import what_if_table
from tcp_pressure_exporter.pages.report.pressure_table import pressure_table
from tcp_pressure_exporter.pages.report.steps import step_lines
from tcp_pressure_exporter.pages.report.text import (
    DIM,
    SEVERITY_STYLES,
    TITLE,
    VERDICT_STYLES,
    Charset,
    plain_table,
)
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.verdict.actions import ActionWords, FindingWords
from tcp_pressure_exporter.verdict.briefing import CLOSEST, REFUSED, STUCK, Briefing, brief
from tcp_pressure_exporter.verdict.details.sysctl_steps import Step
from tcp_pressure_exporter.verdict.details.what_to_type import steps_by_advice
from tcp_pressure_exporter.verdict.headline import Verdict
from tcp_pressure_exporter.verdict.refusals import RefusedWords, none_refused
from tcp_pressure_exporter.verdict.resources import subject
from tcp_pressure_exporter.verdict.stuck import StuckWords
from tcp_pressure_exporter.verdict.words import Labelled

MAX_ROWS = 10  # of resources


def report(observation: Observation, charset: Charset, width: int) -> Group:
    """Return the report of one look, for an output `width` columns wide."""
    return Group(*_sections(observation, charset, width))


def _sections(observation: Observation, charset: Charset, width: int) -> Iterator[RenderableType]:
    told = brief(observation.assessment, MAX_ROWS, observation.left_out)
    yield _head(observation, told.verdict, charset)
    parts = {
        CLOSEST: _closest(told, charset, width),
        REFUSED: _refused(told, charset),
        STUCK: _stuck(told, charset),
    }
    calm = observation.assessment.severity is Severity.CALM
    if calm:
        yield from _happened(observation, charset)
    for part in told.order:
        yield from parts[part]
    if looked := none_refused(observation.assessment.refused):
        yield Text(f"\n{looked}", DIM)
    if findings := told.all_findings:
        yield _title("Findings")
        yield _findings_table(findings, charset)
    if told.actions:
        yield _title("What to do")
        typed = steps_by_advice(observation.sample, observation.assessment)
        yield _action_list(told.actions, typed, charset)
    yield from _what_if(observation, charset)
    if not calm:
        yield from _happened(observation, charset)
    yield from _unknown(observation, told, charset)


def _happened(observation: Observation, charset: Charset) -> Iterator[RenderableType]:
    """Yield what the exporter on this host says has happened."""
    told = observation.asked.incidents if observation.asked else ()
    if told:
        yield _title("What has happened (by the exporter)")
        yield from map(charset.text, told)


def _closest(told: Briefing, charset: Charset, width: int) -> Iterator[RenderableType]:
    if told.closest.rows:
        yield _title("Closest to the limit")
        yield pressure_table(told.closest, charset, width)
    for head, echoes in told.with_it.items():
        yield charset.text(f"With {subject(head)}: {echoes}", DIM)


def _refused(told: Briefing, charset: Charset) -> Iterator[RenderableType]:
    if told.refused:
        yield _title(told.refused.title)
        yield refused_table(told.refused, charset)


def _stuck(told: Briefing, charset: Charset) -> Iterator[RenderableType]:
    if told.stuck and told.stuck.causes:
        yield _title(f"Stuck connections ({told.stuck.meaning})")
        yield _stuck_table(told.stuck, charset)


def _unknown(
    observation: Observation, told: Briefing, charset: Charset
) -> Iterator[RenderableType]:
    """Yield what the report does not show, and why."""
    if told.failures_by_reason:
        yield _title("Could not be read")
        yield from (_line(failure, charset) for failure in told.failures_by_reason)
    if observation.not_looked_at:
        yield _title("Not looked at")
        yield from (_line(Labelled(*one), charset) for one in observation.not_looked_at)
    if observation.left_out:
        yield _left_out(observation)
    if observation.asked:
        yield Text("\n").append_text(charset.text(observation.asked.words, DIM))


def _what_if(observation: Observation, charset: Charset) -> Iterator[RenderableType]:
    for name, tried in groupby(observation.what_if(), lambda one: one.name):
        yield _title("What if").append_text(charset.text(f" ({name})"))
        yield what_if_table(tried, charset)


def _title(title: str) -> Text:
    return Text(f"\n{title}", TITLE)


def _line(labelled: Labelled, charset: Charset) -> Text:
    return charset.text(f"{labelled.label}: {labelled.words}")


def _head(observation: Observation, verdict: Verdict, charset: Charset) -> Group:
    head = charset.text(verdict.word.upper(), VERDICT_STYLES[verdict.word])
    when = f"{observation.time:%Y-%m-%d %H:%M:%S %Z}"
    head.append_text(charset.text(f"  {observation.host}  {when}", "bold"))
    head.append(f"  sampled in {short_time(observation.seconds)}", DIM)
    return Group(head, charset.text(verdict.sentence))


def refused_table(refused: RefusedWords, charset: Charset) -> Group:
    """Return whose calls were refused, one row each, and how many rows are left out."""
    table = _grid()
    for row in refused.rows:
        line = charset.text(row.who, "bold")
        line.append_text(
            charset.text(f" could not {row.call}: {row.refused} refused, because {row.why}")
        )
        line.append(f"; the last {row.last}", DIM)
        table.add_row(Text(row.severity, SEVERITY_STYLES[row.severity]), line)
    return Group(table, *(Text(line, DIM) for line in (refused.rest,) if line))


def _stuck_table(stuck: StuckWords, charset: Charset) -> Group:
    table = plain_table("cause", "connections", "oldest")
    for cause in stuck.causes:
        oldest = Text(cause.oldest)
        if cause.urgent:
            oldest.append(f" {cause.severity}", SEVERITY_STYLES[cause.severity])
        table.add_row(cause.cause, cause.sockets, oldest)
    whose = filter(None, (stuck.owners, stuck.remotes))
    leaks = [charset.text(stuck.leaks)] if stuck.leaks else []
    return Group(table, *(_line(owners, charset) for owners in whose), *leaks)


def _findings_table(findings: Sequence[FindingWords], charset: Charset) -> Table:
    table = _grid()
    for finding in findings:
        found = charset.text(finding.name, "bold")
        found.append_text(charset.text(f": {finding.detail}"))
        part = f"part of {finding.part_of}; " if finding.part_of else ""
        advice = charset.text(part, DIM)
        advice.append(f"what to do: item {finding.action} below; why: {finding.runbook}", DIM)
        # What is part of something is not a warning of its own.
        urgency = "" if finding.part_of else finding.urgency
        table.add_row(Text(urgency, SEVERITY_STYLES[finding.urgency]), Group(found, advice))
    return table


def _action_list(
    actions: Sequence[ActionWords], typed: Mapping[str, tuple[Step, ...]], charset: Charset
) -> Table:
    table = _grid()
    for action in actions:
        line = charset.text(action.subjects, "bold")
        line.append_text(charset.text(f": {action.unhurried_advice}"))
        steps = step_lines(typed.get(action.advice, ()), charset)
        table.add_row(f"{action.number}.", Group(line, *steps))
    return table


def _grid() -> Table:
    """Return a table of cells without lines between them."""
    return Table.grid(padding=(0, 2, 0, 0))


def _left_out(observation: Observation) -> Text:
    if observation.as_root and not observation.portable:
        reasons = "; ".join(f"{feature} ({reason})" for feature, reason in observation.left_out)
        return Text(f"\nNot shown: {reasons}", DIM)
    *others, last = (feature for feature, _reason in observation.left_out)
    features = " and ".join([", ".join(others), last] if others else [last])
    why = (
        "netlink (sockets were read through psutil)"
        if observation.portable
        else "more privileges (run it as root)"
    )
    return Text(f"\nNot shown without {why}: {features}", DIM)
