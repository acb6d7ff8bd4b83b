"""The table of what is closest to its limit, stacked where the terminal is narrow."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.findings.kinds import LISTEN_QUEUE, Severity
from tcp_pressure_exporter.pages.report.text import DIM, SEVERITY_STYLES, Charset, plain_table
from tcp_pressure_exporter.verdict.assessment import Pressure
from tcp_pressure_exporter.verdict.words import (
    counted,
    heads_for,
    owners_words,
    percent,
    pressure_subject,
    time_left,
    used_of_limit,
)

MAX_ROWS = 10
CALM_ROWS = 3  # enough to see that it is calm, and what comes next
BAR = 20  # columns
WIDE = 140  # columns from which on a row is one line
WIDE_BAR = 12
FIGURES = 100  # columns of a wide table beside its names
MAX_NAME = 60  # columns: the owners need some, too
NO_OWNER = "TIME_WAIT has no owner: those named hold the open connections."


class Shown(NamedTuple):
    """The rows, and those that are left out."""

    rows: Sequence[Pressure]
    rest: Sequence[Pressure]


def chosen(pressures: Sequence[Pressure]) -> Shown:
    """Choose the rows: all that are not calm, and the first few that are."""
    urgent = sum(pressure.severity > Severity.CALM for pressure in pressures)
    count = min(max(urgent, CALM_ROWS), MAX_ROWS)
    return Shown(pressures[:count], pressures[count:])


def pressure_table(pressures: Sequence[Pressure], charset: Charset, width: int) -> RenderableType:
    """Return the table, a line about what is left out, and one about what has no owner."""
    shown = chosen(pressures)
    lines: list[RenderableType] = [
        _wide(shown.rows, charset, width) if width >= WIDE else _narrow(shown.rows, charset)
    ]
    if shown.rest:
        lines.append(_rest(shown.rest))
    if any(_urgent(pressure) and pressure.mostly_time_wait for pressure in shown.rows):
        lines.append(Text(NO_OWNER, DIM))
    return Group(*lines)


def _wide(pressures: Sequence[Pressure], charset: Charset, width: int) -> Table:
    figures = ("used / limit", "TIME_WAIT", "time left", "heads for")
    table = plain_table("resource", "", *figures, "whose")
    names = [_name(pressure, charset) for pressure in pressures]
    longest = max(name.cell_len for name in names)
    table.columns[0].width = min(longest, width - FIGURES, MAX_NAME)
    for column in table.columns[1:-1]:
        column.no_wrap = True
    for name, pressure in zip(names, pressures, strict=True):
        bar, owners = _bar(pressure, charset, WIDE_BAR), _owners(pressure, charset)
        table.add_row(name, bar, *_figures(pressure), heads_for(pressure), owners)
    return table


def _narrow(pressures: Sequence[Pressure], charset: Charset) -> Table:
    table = plain_table("resource", "used / limit", "TIME_WAIT", "time left")
    table.expand, table.columns[0].ratio = True, 1
    for pressure in pressures:
        lines: list[RenderableType] = [_name(pressure, charset), _bar(pressure, charset, BAR)]
        if _urgent(pressure) and heads_for(pressure):
            lines.append(f"heads for {heads_for(pressure)} at this rate")
        lines.extend(_owner_lines(pressure, charset))
        table.add_row(Group(*lines), *_figures(pressure))
    return table


def _name(pressure: Pressure, charset: Charset) -> Text:
    short = pressure_subject(pressure).replace(" pool ", " ", 1)  # the columns say that it is one
    return charset.text(short, "bold" if _urgent(pressure) else "")


def _bar(pressure: Pressure, charset: Charset, width: int) -> Text:
    style = SEVERITY_STYLES[pressure.severity]
    bar = Text().append(charset.bar(pressure.ratio, width), style)
    bar.append(f" {percent(pressure.ratio):>5}")
    return bar.append(f" {pressure.severity.name.lower()}", style) if _urgent(pressure) else bar


def _figures(pressure: Pressure) -> tuple[str, str, Text]:
    waiting = "" if pressure.time_wait is None else f"{pressure.time_wait:,}"
    style = DIM if pressure.seconds_left is None else SEVERITY_STYLES[pressure.severity]
    return used_of_limit(pressure), waiting, Text(time_left(pressure), style)


def _owners(pressure: Pressure, charset: Charset) -> Text:
    return charset.text(owners_words(pressure.owners))


def _owner_lines(pressure: Pressure, charset: Charset) -> Iterator[Text]:
    label = "waits for: " if pressure.kind == LISTEN_QUEUE else "open: "
    for owner in pressure.owners:
        yield charset.text(label + owners_words([owner]))
        label = " " * len(label)


def _urgent(pressure: Pressure) -> bool:
    return pressure.severity > Severity.CALM


def _rest(rest: Sequence[Pressure]) -> Text:
    urgent = sum(_urgent(pressure) for pressure in rest)
    fullest = max(pressure.ratio for pressure in rest)
    what = f"{urgent} of them not calm" if urgent else f"the fullest at {percent(fullest)}"
    return Text(f"{counted(len(rest), 'more resource')}, {what}", DIM)
