"""Resources in the watched report, one line each; a narrow terminal gets fewer columns."""

from collections.abc import Callable, Collection, Sequence
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.pages.report.text import DIM, RIGHT, SEVERITY_STYLES, Charset
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import ResourceWords, resource_words

BAR = 12  # columns
GAP = 2
LONGEST_NAME = 0.5  # of a row: a longer name is shortened


class Column(NamedTuple):
    """width: what it needs. cell: returns its text in a row."""

    name: str
    width: int
    cell: Callable[[ResourceWords, Charset], str | Text]


def _style(row: ResourceWords) -> str:
    return SEVERITY_STYLES[row.severity]


def _share(row: ResourceWords, _charset: Charset) -> Text:
    return Text(row.percent, _style(row))


def _severity(row: ResourceWords, _charset: Charset) -> Text:
    return Text(row.severity, _style(row) if row.urgent else DIM)


def _left(row: ResourceWords, _charset: Charset) -> Text:
    return Text(row.left, DIM if row.pressure.seconds_left is None else _style(row))


def _bar(row: ResourceWords, charset: Charset) -> Text:
    return Text(charset.bar(row.pressure.ratio, BAR), _style(row))


# In order of importance, each with its place in a row.
COLUMNS = (
    (2, Column("full", 7, _share)),
    (3, Column("", 8, _severity)),
    (6, Column("time left", 12, _left)),
    (4, Column("used / limit", 17, lambda row, _charset: row.used)),
    (1, Column("", BAR, _bar)),
    (5, Column("TIME_WAIT", 9, lambda row, _charset: row.time_wait)),
    (7, Column("projected", 9, lambda row, _charset: row.heads_for)),
    (8, Column("owners", 30, lambda row, charset: charset.plain(row.owners.listed))),
)
MARK, NO_MARK = "> ", "  "


def rows_table(
    pressures: Sequence[Pressure], marked: Collection[Pressure], charset: Charset, width: int
) -> Table:
    """Return the rows for a terminal `width` columns wide."""
    rows = [resource_words(pressure) for pressure in pressures]
    longest = max(len(charset.plain(row.short)) for row in rows)
    columns = _fitting(width - len(MARK) - min(longest, int(width * LONGEST_NAME)))
    name = width - sum(column.width + GAP for column in columns) - len(MARK)
    table = Table(box=None, padding=(0, GAP, 0, 0), pad_edge=False, header_style=DIM)
    table.add_column("  resource", width=name + len(MARK), no_wrap=True)
    for column in columns:
        justify = "right" if column.name in RIGHT else "left"
        table.add_column(column.name, width=column.width, no_wrap=True, justify=justify)  # type: ignore[arg-type]  # a literal
    for pressure, row in zip(pressures, rows, strict=True):
        here = pressure in marked
        first = charset.text((MARK if here else NO_MARK) + shortened(row.short, name, charset))
        cells = [column.cell(row, charset) for column in columns]
        table.add_row(first, *cells, style="reverse" if here else "")
    return table


def _fitting(room: int) -> list[Column]:
    """Return the columns that fit next to the name, in the order of a row."""
    fitting = []
    for placed in COLUMNS:
        room -= placed[1].width + GAP
        if room < 0:
            break
        fitting.append(placed)
    return [column for _place, column in sorted(fitting, key=lambda placed: placed[0])]


def shortened(name: str, width: int, charset: Charset) -> str:
    """Return a name that fits into `width` columns: its two ends, if it is too long."""
    shown = charset.plain(name)
    if len(shown) <= width:
        return shown
    dots = charset.plain("…") if charset.unicode else "..."
    kept = max(width - len(dots), 2)
    return f"{shown[: kept - kept // 2]}{dots}{shown[-(kept // 2) :]}"
