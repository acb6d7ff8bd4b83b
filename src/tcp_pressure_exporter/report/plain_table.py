"""Tables without lines: they are read as well by people as by grep."""

from rich.console import JustifyMethod
from rich.table import Table

from tcp_pressure_exporter.report.styles import DIM

RIGHT = frozenset({"used / limit", "TIME_WAIT", "connections", "heads for"})


def plain_table(*columns: str) -> Table:
    """Return a table with these columns; those of RIGHT are aligned to the right."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style=DIM)
    for name in columns:
        justify: JustifyMethod = "right" if name in RIGHT else "left"
        table.add_column(name, justify=justify, overflow="fold")
    return table
