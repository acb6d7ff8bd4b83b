"""One resource alone: its figures, the ages of its closes, its owners, and what to do about it."""

from collections.abc import Iterable, Iterator, Sequence

from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pages.report.steps import step_lines
from tcp_pressure_exporter.pages.report.text import DIM, SEVERITY_STYLES, TITLE, Charset
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.details.one_pool import AloneWords, alone_words
from tcp_pressure_exporter.verdict.details.what_if import WhatIf, best_remedies
from tcp_pressure_exporter.verdict.details.what_to_type import steps_for
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.words import capitalised

BAR = 40  # columns


def alone(
    sample: NamespaceSample, pressure: Pressure, charset: Charset, width: int
) -> Iterator[RenderableType]:
    """Yield what is known about one resource."""
    told = alone_words(sample, pressure)
    row = told.words
    style = SEVERITY_STYLES[row.severity]
    yield charset.text(told.title, "bold")
    yield Text(f"{charset.bar(pressure.ratio, BAR)} {row.percent} {row.severity}", style)
    yield _figures(told, charset)
    if told.ages:
        yield Text("Closes, by how many seconds ago", TITLE)
        yield from _ages(told.ages, charset, width)
    if row.owners.each:
        yield Text(capitalised(row.owners.label), TITLE)
        yield from map(charset.text, row.owners.each)
    if helping := best_remedies(sample, pressure):
        yield Text("What if", TITLE)
        yield what_if_table(helping, charset)
    yield Text("What to do", TITLE)
    yield charset.text(pressure.advice)
    if pressure.urgent:
        yield from step_lines(steps_for(sample, pressure), charset)
    yield Text(f"details: {KINDS[pressure.kind].runbook}", DIM)


def _figures(told: AloneWords, charset: Charset) -> Table:
    table = Table.grid(padding=(0, 2, 0, 0))
    for label, words in told.figures:
        table.add_row(Text(label, DIM), charset.text(words))
    return table


def what_if_table(tried: Iterable[WhatIf], charset: Charset) -> Table:
    """Return what remedies would do for one pool."""
    table = Table.grid(padding=(0, 2, 0, 0))
    for one in tried:
        table.add_row(charset.text(one.text, "bold"), charset.text(one.words))
    return table


def _ages(ages: Sequence[int], charset: Charset, width: int) -> Iterator[Text]:
    """Yield a column for each second, the latest on the left, and a scale below."""
    shown = ages[:width]
    yield Text(charset.columns(shown))
    scale = "".join(f"{second:<10}" for second in range(0, len(shown), 10))
    yield Text(scale[: len(shown)].rstrip(), DIM)
    yield Text(f"tallest column: {max(shown):,} in one second", DIM)
