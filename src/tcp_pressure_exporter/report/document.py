"""The whole report, from the verdict down to what more rights would show."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.text import Text

from tcp_pressure_exporter.report.charset import Charset
from tcp_pressure_exporter.report.observer import Observation
from tcp_pressure_exporter.report.pressure_table import pressure_table
from tcp_pressure_exporter.report.sections import (
    action_list,
    failure_list,
    findings_table,
    stuck_table,
)
from tcp_pressure_exporter.report.styles import DIM, TITLE, VERDICT_STYLES
from tcp_pressure_exporter.verdict.actions import actions
from tcp_pressure_exporter.verdict.words import headline


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
