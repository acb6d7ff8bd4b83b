"""What the page shows, in its order: drawings are worked out, but nothing is HTML yet."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import NamedTuple
from urllib.parse import quote

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.snapshot import Judged, Snapshot
from tcp_pressure_exporter.pages.status.rows import PressureRow, pressure_rows
from tcp_pressure_exporter.pages.status.sections import (
    LimitSection,
    PoolSection,
    StateSection,
    limit_section,
    pool_sections,
    state_section,
)
from tcp_pressure_exporter.verdict.briefing import Briefing, brief
from tcp_pressure_exporter.verdict.details.pool_directions import none_in_use
from tcp_pressure_exporter.verdict.details.sysctl_steps import Step
from tcp_pressure_exporter.verdict.details.what_if import what_if
from tcp_pressure_exporter.verdict.details.what_to_type import steps_by_advice
from tcp_pressure_exporter.verdict.headline import Verdict
from tcp_pressure_exporter.verdict.past.incident_words import PastWords, past_words

MAX_INCIDENTS = 3
MAX_CARDS = 6  # for what is closest to its limit


class NamespaceLink(NamedTuple):
    """A namespace to choose, by a link relative to the page."""

    name: str
    link: str
    verdict: Verdict
    shown: bool


class CollectorRow(NamedTuple):
    """A part of the sample."""

    name: str
    works: bool
    milliseconds: float


class NamespaceView(NamedTuple):
    """What is shown of one namespace.

    cards: the rows of what is closest to its limit, with drawings. helping: what the best remedies
    would lead to, for each outbound pool that is not calm. typed: what to type, by the advice of an
    action.
    nothing: what there is none of, in one line. urgent: whether something must be done.
    """

    netns: str
    told: Briefing
    cards: tuple[PressureRow, ...]
    helping: Mapping[str, str]
    typed: Mapping[str, tuple[Step, ...]]
    pools: tuple[PoolSection, ...]
    limits: LimitSection
    states: StateSection
    nothing: str
    urgent: bool
    collectors: tuple[CollectorRow, ...]


class Page(NamedTuple):
    """The whole page. time: the sample's, None before the first. view: None without a sample.

    missing: whether the requested namespace is not in the sample. past: what has happened.
    """

    verdict: Verdict
    time: datetime | None
    namespaces: tuple[NamespaceLink, ...]
    missing: bool
    view: NamespaceView | None
    past: PastWords
    snapshot: Snapshot


def page_of(snapshot: Snapshot, netns: str | None) -> Page:
    """Return the page about a namespace, or about the worst one."""
    namespaces = snapshot.namespaces()
    asked = [judged for judged in namespaces if judged.sample.netns == netns]
    shown = next(iter(asked or namespaces), None)
    sample = snapshot.sample
    return Page(
        verdict=snapshot.verdict(shown),
        time=datetime.fromtimestamp(sample.timestamp, UTC) if sample else None,
        namespaces=tuple(_link(snapshot, judged, shown) for judged in namespaces),
        missing=netns is not None and bool(namespaces) and not asked,
        view=_view(snapshot, shown) if shown else None,
        past=past_words(
            snapshot.incidents,
            sample.timestamp if sample else 0.0,
            MAX_INCIDENTS,
            current=snapshot.current,
        ),
        snapshot=snapshot,
    )


def _link(snapshot: Snapshot, judged: Judged, shown: Judged | None) -> NamespaceLink:
    name = judged.sample.netns
    link = f"?netns={quote(name, errors='replace')}"
    return NamespaceLink(name, link, snapshot.verdict(judged), judged is shown)


def _view(snapshot: Snapshot, judged: Judged) -> NamespaceView:
    sample, assessment = judged
    told = brief(assessment, MAX_CARDS, snapshot.left_out)
    sections = tuple(pool_sections(snapshot, judged))
    return NamespaceView(
        netns=sample.netns,
        told=told,
        cards=pressure_rows(snapshot, sample.netns, told.closest.rows),
        helping=_helping(judged),
        typed=steps_by_advice(sample, assessment),
        pools=sections,
        limits=limit_section(snapshot, judged),
        states=state_section(snapshot, judged),
        nothing=none_in_use([one.words for one in sections], told.stuck),
        urgent=assessment.severity > Severity.CALM,
        collectors=tuple(
            CollectorRow(name, outcome.error is None, outcome.seconds * 1000)
            for name, outcome in sample.outcomes()
        ),
    )


def _helping(judged: Judged) -> Mapping[str, str]:
    by_name: dict[str, list[str]] = {}
    for one in what_if(judged.sample, judged.assessment.pressures, ()):
        by_name.setdefault(one.name, []).append(one.short)
    return {name: "; ".join(told) for name, told in by_name.items()}
