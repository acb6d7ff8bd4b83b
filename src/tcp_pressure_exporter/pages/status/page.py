"""What the page shows, in its order: everything chosen and worded, nothing yet HTML."""

from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from tcp_pressure_exporter.pages.status.pressure_rows import PressureRow, Shown, closest
from tcp_pressure_exporter.pages.status.sections import (
    FindingRow,
    PoolSection,
    StateTile,
    StuckSection,
    finding_rows,
    other_limits,
    pool_sections,
    state_tiles,
    stuck_section,
    urgency,
)
from tcp_pressure_exporter.pages.status.snapshot import Judged, Snapshot, Verdict, verdict_of
from tcp_pressure_exporter.verdict.actions import Action, actions

SUBJECTS = 3  # named of one action


class ActionRow(NamedTuple):
    """One thing to do."""

    urgency: str
    subjects: str
    advice: str
    runbook: str


class NamespaceRow(NamedTuple):
    """A namespace that one may choose, by a link relative to the page."""

    name: str
    link: str
    verdict: Verdict
    shown: bool


class CollectorRow(NamedTuple):
    """A part of the sample."""

    name: str
    works: bool
    milliseconds: float


class Body(NamedTuple):
    """What is shown of one namespace."""

    netns: str
    closest: Shown
    actions: tuple[ActionRow, ...]
    pools: tuple[PoolSection, ...]
    limits: tuple[PressureRow, ...]
    more_limits: int
    states: tuple[StateTile, ...]
    stuck: StuckSection | None
    findings: tuple[FindingRow, ...]
    failures: tuple[tuple[str, str], ...]
    collectors: tuple[CollectorRow, ...]


class Page(NamedTuple):
    """The whole page. time: of the sample, None before the first. body: None without a sample.

    missing: a namespace was asked for that is not in the sample.
    """

    verdict: Verdict
    time: datetime | None
    namespaces: tuple[NamespaceRow, ...]
    missing: bool
    body: Body | None
    snapshot: Snapshot


def page_of(snapshot: Snapshot, netns: str | None) -> Page:
    """Return the page about a namespace, or about the worst one."""
    namespaces = snapshot.namespaces()
    asked = [judged for judged in namespaces if judged.sample.netns == netns]
    shown = next(iter(asked or namespaces), None)
    sample = snapshot.sample
    return Page(
        verdict=verdict_of(snapshot, shown),
        time=datetime.fromtimestamp(sample.timestamp, UTC) if sample else None,
        namespaces=tuple(_choice(snapshot, judged, shown) for judged in namespaces),
        missing=netns is not None and bool(namespaces) and not asked,
        body=_body(snapshot, shown) if shown else None,
        snapshot=snapshot,
    )


def _choice(snapshot: Snapshot, judged: Judged, shown: Judged | None) -> NamespaceRow:
    name = judged.sample.netns
    link = f"?netns={quote(name, errors='replace')}"
    return NamespaceRow(name, link, verdict_of(snapshot, judged), judged is shown)


def _body(snapshot: Snapshot, judged: Judged) -> Body:
    sample, assessment = judged
    todo = actions(assessment)
    numbers = {action.advice: number for number, action in enumerate(todo, 1)}
    limits, more_limits = other_limits(snapshot, judged)
    return Body(
        netns=sample.netns,
        closest=closest(snapshot, sample.netns, assessment.pressures),
        actions=tuple(_action(action) for action in todo),
        pools=tuple(pool_sections(snapshot, judged)),
        limits=limits,
        more_limits=more_limits,
        states=state_tiles(snapshot, judged),
        stuck=stuck_section(assessment),
        findings=finding_rows(assessment, numbers),
        failures=assessment.failures,
        collectors=tuple(
            CollectorRow(name, outcome.error is None, outcome.seconds * 1000)
            for name, outcome in sample.outcomes()
        ),
    )


def _action(action: Action) -> ActionRow:
    named = ", ".join(action.subjects[:SUBJECTS])
    more = len(action.subjects) - SUBJECTS
    subjects = f"{named} and {more} more" if more > 0 else named
    return ActionRow(urgency(action.severity), subjects, action.advice, action.runbook)
