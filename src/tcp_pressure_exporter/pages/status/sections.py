"""The parts of the page below what is closest to its limit."""

from collections.abc import Iterator
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_CAUSES
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.status.pressure_rows import PressureRow, pressure_rows
from tcp_pressure_exporter.pages.status.snapshot import Judged, Snapshot
from tcp_pressure_exporter.pages.status.sparkline import Sparkline, sparkline
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.history import SOCKETS, SeriesKey, by_state
from tcp_pressure_exporter.verdict.words import counted, duration, owners_words, percent

DIRECTIONS = {
    OUTBOUND: "Outbound pools",
    INBOUND: "Inbound pools",
    NAT: "NAT pools",
    SOURCE: "Source pools",
}
MAX_ROWS = 10  # of one kind


class PoolSection(NamedTuple):
    """The pools of one direction: totals of all, rows of the fullest, and what the others use."""

    title: str
    pools: int
    fullest: str
    fullest_of_minute: str
    rows: tuple[PressureRow, ...]
    used_by_others: str


class StateTile(NamedTuple):
    """The sockets in one state."""

    name: str
    sockets: int
    line: Sparkline | None


class CauseRow(NamedTuple):
    """Sockets in CLOSE_WAIT of one cause."""

    words: str
    sockets: int
    oldest: str
    severity: str


class StuckSection(NamedTuple):
    """All sockets in CLOSE_WAIT, and whose they are; urgent: not all causes are calm."""

    urgent: bool
    causes: tuple[CauseRow, ...]
    owners: str
    remotes: str


class FindingRow(NamedTuple):
    """A finding, and under which number it stands in what is to be done."""

    name: str
    severity: str
    detail: str
    runbook: str
    action: int


def pool_sections(snapshot: Snapshot, judged: Judged) -> Iterator[PoolSection]:
    """Yield the directions that are known, empty ones included."""
    tables = judged.sample.pool_tables()
    for direction, title in DIRECTIONS.items():
        if table := tables.get(direction):
            pressures = [p for p in judged.assessment.pressures if p.kind == direction]
            pressures.sort(key=lambda pressure: -pressure.ratio)
            shown, rest = pressures[:MAX_ROWS], pressures[MAX_ROWS:]
            used = table.unlisted_ports_used + sum(pool.used for pool in rest)
            yield PoolSection(
                title=title,
                pools=table.count,
                fullest=percent(table.ratio_max),
                fullest_of_minute=percent(table.ratio_max_1m),
                rows=pressure_rows(snapshot, judged.sample.netns, shown),
                used_by_others=counted(used, "port") if used else "",
            )


def other_limits(snapshot: Snapshot, judged: Judged) -> tuple[tuple[PressureRow, ...], int]:
    """Return the rows of what is no pool, and how many more there are."""
    others = [p for p in judged.assessment.pressures if p.kind not in DIRECTIONS]
    rows = pressure_rows(snapshot, judged.sample.netns, others[: 2 * MAX_ROWS])
    return rows, len(others) - len(rows)


def state_tiles(snapshot: Snapshot, judged: Judged) -> tuple[StateTile, ...]:
    """Return every state, none where they are not known."""
    outcome = judged.sample.sockets
    if outcome is None or outcome.value is None:
        return ()
    counts = by_state(outcome.value)
    return tuple(_tile(snapshot, judged, state, counts[state]) for state in STATE_NAMES.values())


def _tile(snapshot: Snapshot, judged: Judged, state: str, sockets: int) -> StateTile:
    line = snapshot.line(SeriesKey(judged.sample.netns, SOCKETS, state))
    top = max((value for value in line if value is not None), default=0.0)
    shown = sparkline(line, top, lambda value: f"{value:,.0f}") if top else None
    return StateTile(state.upper(), sockets, shown)


def stuck_section(assessment: Assessment) -> StuckSection | None:
    """Return the sockets in CLOSE_WAIT, None where they are not known."""
    waiting = assessment.close_wait
    if waiting is None:
        return None
    causes = tuple(
        CauseRow(
            CLOSE_WAIT_CAUSES[stuck.cause].words,
            stuck.sockets,
            duration(stuck.oldest_seconds),
            stuck.severity.name.lower(),
        )
        for stuck in assessment.stuck
    )
    remotes = ", ".join(f"{remote} {sockets:,}" for remote, sockets in waiting.remotes)
    urgent = any(stuck.severity > Severity.CALM for stuck in assessment.stuck)
    return StuckSection(urgent, causes, owners_words(waiting.owners), remotes)


def finding_rows(assessment: Assessment, numbers: dict[str, int]) -> tuple[FindingRow, ...]:
    """Return what was found; numbers: under which one each advice stands."""
    return tuple(
        FindingRow(
            state.finding.name,
            urgency(state.finding.severity),
            state.detail or "",
            state.finding.runbook,
            numbers[state.finding.advice],
        )
        for state in assessment.findings
    )


def urgency(severity: Severity) -> str:
    """Say how soon something is to be done; what is calm can wait."""
    return severity.name.lower() if severity > Severity.CALM else "later"
