"""The report on one local port, as text."""

from collections.abc import Iterator

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from tcp_pressure_exporter.figures import counted
from tcp_pressure_exporter.pages.report.text import DIM, TITLE, Charset, plain_table
from tcp_pressure_exporter.verdict.details.port_holders import (
    RUNBOOK,
    HeldPort,
    PortHolder,
    advice,
    sentence,
    state_words,
)
from tcp_pressure_exporter.verdict.words import owner_name

MAX_ROWS = 20  # of sockets


def port_report(held: HeldPort, charset: Charset) -> Group:
    """Return who holds a port, and how a service can get it."""
    return Group(*_sections(held, charset))


def _sections(held: HeldPort, charset: Charset) -> Iterator[RenderableType]:
    yield charset.text(sentence(held), "bold")
    if held.holders:
        yield Text(f"\nSockets on port {held.port}", TITLE)
        yield _table(held, charset)
        if len(held.holders) > MAX_ROWS:
            more = counted(len(held.holders) - MAX_ROWS, "more socket")
            yield charset.text(f"{more}; in total: {state_words(held)}", DIM)
    yield Text("\nWhat to do", TITLE)
    yield charset.text(advice(held))
    yield Text(f"details: {RUNBOOK}", DIM)


def _table(held: HeldPort, charset: Charset) -> Table:
    table = plain_table("state", "local address", "remote", "owner")
    for holder in held.holders[:MAX_ROWS]:
        cells = (_state(holder), holder.local, holder.remote, _owner(holder))
        table.add_row(*(charset.text(cell) for cell in cells))
    return table


def _state(holder: PortHolder) -> str:
    left = holder.socket.seconds_left
    return holder.state if left is None else f"{holder.state} ({left:.0f} s left)"


def _owner(holder: PortHolder) -> str:
    name = owner_name(holder.owner)
    if holder.waits:
        return f"{name or 'unknown'}, not accepted yet"
    return name or ("none" if holder.socket.seconds_left is not None else "unknown")
