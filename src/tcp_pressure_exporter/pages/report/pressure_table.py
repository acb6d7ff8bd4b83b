"""The table of what is closest to its limit, stacked if the terminal is narrow."""

from collections.abc import Iterator, Sequence

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.pages.report.text import DIM, SEVERITY_STYLES, Charset, plain_table
from tcp_pressure_exporter.verdict.resources import Closest, OwnersWords, ResourceWords

BAR = 20  # columns
WIDE = 140  # columns from which a row is one line
WIDE_BAR = 12
FIGURES = 100  # columns of a wide table, without the names
MAX_NAME = 60  # columns: the owners need some too


def pressure_table(closest: Closest, charset: Charset, width: int) -> Group:
    """Return the table, a line about what is left out, and one about what has no owner."""
    wide = width >= WIDE
    table = _wide(closest.rows, charset, width) if wide else _narrow(closest.rows, charset)
    return Group(table, *(Text(line, DIM) for line in (closest.rest, closest.note) if line))


def _wide(rows: Sequence[ResourceWords], charset: Charset, width: int) -> Table:
    figures = ("used / limit", "TIME_WAIT", "time left", "projected")
    table = plain_table("resource", "", *figures, "owners")
    names = [_name(row, charset) for row in rows]
    longest = max(*(name.cell_len for name in names), *(len(row.search) for row in rows))
    table.columns[0].width = min(longest, width - FIGURES, MAX_NAME)
    for column in table.columns[1:-1]:
        column.no_wrap = True
    for name, row in zip(names, rows, strict=True):
        bar, owners = _bar(row, charset, WIDE_BAR), charset.text(row.owners.listed)
        if row.search:
            name.append(f"\n{row.search}", DIM)
        table.add_row(name, bar, *_figures(row), row.heads_for, owners)
    return table


def _narrow(rows: Sequence[ResourceWords], charset: Charset) -> Table:
    table = plain_table("resource", "used / limit", "TIME_WAIT", "time left")
    table.expand, table.columns[0].ratio = True, 1
    for row in rows:
        lines: list[RenderableType] = [_name(row, charset), _bar(row, charset, BAR)]
        if row.urgent and row.heads_for:
            lines.append(f"projected {row.heads_for} at this rate")
        if row.search:
            lines.append(row.search)
        lines.extend(_owner_lines(row.owners, charset))
        table.add_row(Group(*lines), *_figures(row))
    return table


def _name(row: ResourceWords, charset: Charset) -> Text:
    return charset.text(row.short, "bold" if row.urgent else "")


def _bar(row: ResourceWords, charset: Charset, width: int) -> Text:
    style = SEVERITY_STYLES[row.severity]
    bar = Text().append(charset.bar(row.pressure.ratio, width), style)
    bar.append(f" {row.percent:>5}")
    return bar.append(f" {row.severity}", style) if row.urgent else bar


def _figures(row: ResourceWords) -> tuple[str, str, Text]:
    style = DIM if row.pressure.seconds_left is None else SEVERITY_STYLES[row.severity]
    return row.used, row.time_wait, Text(row.left, style)


def _owner_lines(owners: OwnersWords, charset: Charset) -> Iterator[Text]:
    label = f"{owners.short_label}: "
    for owner in owners.each:
        yield charset.text(label + owner)
        label = " " * len(label)
