"""The whole report, from the verdict down to what more rights would show."""

from collections.abc import Iterator, Mapping, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_CAUSES
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.report.observation import Observation
from tcp_pressure_exporter.pages.report.pressure_table import pressure_table
from tcp_pressure_exporter.pages.report.text import (
    DIM,
    SEVERITY_STYLES,
    TITLE,
    VERDICT_STYLES,
    Charset,
    plain_table,
)
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.verdict.actions import Action, actions
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.words import duration, headline, owners_words

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
        words = CLOSE_WAIT_CAUSES[stuck.cause].words
        table.add_row(words, f"{stuck.sockets:,}", oldest)
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


def document(observation: Observation, charset: Charset, width: int) -> Group:
    """Return the report of one look for an output of so many columns."""
    return Group(_head(observation, charset), *_sections(observation, charset, width))


def _head(observation: Observation, charset: Charset) -> Group:
    verdict = observation.assessment.verdict
    head = charset.text(verdict.upper(), VERDICT_STYLES[verdict])
    when = f"{observation.time:%Y-%m-%d %H:%M:%S %Z}"
    head.append_text(charset.text(f"  {observation.host}  {when}", "bold"))
    head.append(f"  sampled in {observation.seconds:.2f} s", DIM)
    return Group(head, charset.text(headline(observation.assessment)))


def _sections(observation: Observation, charset: Charset, width: int) -> Iterator[RenderableType]:
    found = observation.assessment
    todo = actions(found)
    numbers = {action.advice: number for number, action in enumerate(todo, 1)}
    if found.pressures:
        yield _title("Closest to the limit")
        yield pressure_table(found.pressures, charset, width)
    if found.stuck:
        yield _title("Stuck connections (CLOSE_WAIT: the peer has closed, this end has not)")
        yield stuck_table(found, charset)
    if found.findings:
        yield _title("Findings")
        yield findings_table(found.findings, numbers, charset)
    if todo:
        yield _title("What to do")
        yield action_list(todo, charset)
    if found.failures:
        yield _title("Could not be read")
        yield failure_list(found.failures, charset)
    if observation.left_out:
        features = " and ".join(feature for feature, _reason in observation.left_out)
        why = "netlink, through psutil" if observation.portable else "more rights (run it as root)"
        yield Text(f"\nNot shown without {why}: {features}", DIM)


def _title(title: str) -> Text:
    return Text(f"\n{title}", TITLE)
