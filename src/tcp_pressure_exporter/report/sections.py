"""The parts of the report below its table: stuck connections, findings, what to do, what failed."""

from collections.abc import Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.table import FindingState
from tcp_pressure_exporter.report.charset import Charset
from tcp_pressure_exporter.report.plain_table import plain_table
from tcp_pressure_exporter.report.styles import DIM, SEVERITY_STYLES
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.verdict.actions import Action
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.kinds import cause_words
from tcp_pressure_exporter.verdict.words import duration, owners_words

SUBJECTS = 3  # named of one action


def grid() -> Table:
    """Return a table of cells without lines between them."""
    return Table.grid(padding=(0, 2, 0, 0))


def stuck_table(assessment: Assessment, charset: Charset) -> RenderableType:
    """Return the sockets in CLOSE_WAIT by cause, then whose they are."""
    table = plain_table("cause", "connections", "oldest")
    for stuck in assessment.stuck:
        oldest = Text(f"at least {duration(stuck.oldest_seconds)}")
        if stuck.severity > Severity.CALM:
            oldest.append(f" {stuck.severity.name.lower()}", SEVERITY_STYLES[stuck.severity])
        table.add_row(cause_words(stuck.cause), f"{stuck.sockets:,}", oldest)
    lines = _whose(assessment.close_wait, charset) if assessment.close_wait else []
    return Group(table, *lines)


def _whose(waiting: CloseWait, charset: Charset) -> list[Text]:
    lines = []
    if waiting.owners:
        lines.append(charset.text(f"whose: {owners_words(waiting.owners)}"))
    if waiting.remotes:
        remotes = ", ".join(f"{remote} {sockets:,}" for remote, sockets in waiting.remotes)
        lines.append(charset.text(f"of unknown owner, towards: {remotes}"))
    return lines


def findings_table(
    findings: Sequence[FindingState], numbers: Mapping[str, int], charset: Charset
) -> RenderableType:
    """Return what was found; numbers: under which one the advice stands in the list below it."""
    table = grid()
    for state in findings:
        finding = state.finding
        found = charset.text(finding.name, "bold")
        found.append_text(charset.text(f": {state.detail}"))
        number = numbers[finding.advice]
        advice = Text(f"what to do: {number} below; why: {finding.runbook}", DIM)
        urgency = finding.severity.name.lower() if finding.severity > Severity.CALM else "later"
        severity = Text(urgency, SEVERITY_STYLES[finding.severity])
        table.add_row(severity, Group(found, advice))
    return table


def action_list(actions: Sequence[Action], charset: Charset) -> RenderableType:
    """Return the numbered list of what to do."""
    table = grid()
    for number, action in enumerate(actions, 1):
        line = charset.text(_subjects(action), "bold")
        later = "when there is time: " if action.severity is Severity.CALM else ""
        line.append_text(charset.text(f": {later}{action.advice}"))
        table.add_row(f"{number}.", line)
    return table


def _subjects(action: Action) -> str:
    named = ", ".join(action.subjects[:SUBJECTS])
    more = len(action.subjects) - SUBJECTS
    return f"{named} and {more} more" if more > 0 else named


def failure_list(failures: Sequence[tuple[str, str]], charset: Charset) -> RenderableType:
    """Return what could not be read: a line for each reason."""
    by_reason: dict[str, list[str]] = {}
    for collector, reason in failures:
        by_reason.setdefault(reason, []).append(collector)
    return Group(
        *(charset.text(f"{', '.join(names)}: {reason}") for reason, names in by_reason.items())
    )
