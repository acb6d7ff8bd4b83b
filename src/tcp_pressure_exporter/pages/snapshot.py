"""What the pages are about: all that a running exporter, or one look, knows at one moment."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from tcp_pressure_exporter.pools.remedies import Remedy
from tcp_pressure_exporter.sample.exporter import ExporterState
from tcp_pressure_exporter.sample.sample import (
    LeftOut,
    NamespaceSample,
    Sample,
    not_reached,
    unseen,
)
from tcp_pressure_exporter.verdict.assessment import Assessment, assess
from tcp_pressure_exporter.verdict.details.remembered import Asked
from tcp_pressure_exporter.verdict.details.what_if import WhatIf, what_if
from tcp_pressure_exporter.verdict.headline import NO_SAMPLE, TOO_OLD, Verdict, verdict_on
from tcp_pressure_exporter.verdict.past.history import Line, SeriesKey
from tcp_pressure_exporter.verdict.past.incidents import IncidentMemory


class Judged(NamedTuple):
    """A namespace, and what its sample means."""

    sample: NamespaceSample
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What a running exporter knows, for the status page as HTML and as JSON.

    sample: the newest, None before the first. current: whether it is recent enough to be shown.
    line: returns the last hour of a series. settings: (flag or key, value). left_out: (what, why)
    for what is not shown for lack of privileges. runbook_url: the URL of the project's docs/, None
    for the exporter's own copy. incidents: what has happened.
    """

    host: str
    sample: Sample | None
    current: bool
    line: Callable[[SeriesKey], Line]
    exporter: ExporterState
    settings: tuple[tuple[str, str], ...] = ()
    left_out: LeftOut = ()
    runbook_url: str | None = None
    incidents: IncidentMemory = field(default_factory=IncidentMemory)

    def namespaces(self) -> tuple[Judged, ...]:
        """Return the namespaces, the worst first; none if the sample is not current."""
        if self.sample is None or not self.current:
            return ()
        own, *others = self.sample.namespaces
        judged = [
            Judged(own, assess(own, unseen(self.sample))),
            *(Judged(other, assess(other)) for other in others),
        ]
        return tuple(sorted(judged, key=lambda one: one.assessment.rank))

    @property
    def not_looked_at(self) -> LeftOut:
        """What the newest sample did not reach; nothing if it is not current."""
        return not_reached(self.sample) if self.sample and self.current else ()

    def verdict(self, shown: Judged | None) -> Verdict:
        """Return the verdict on a namespace, or why there is none."""
        if shown is not None:
            return verdict_on(shown.assessment)
        return NO_SAMPLE if self.sample is None else TOO_OLD


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look at a host showed, for the report as text and as JSON.

    time: when it began, with its zone. seconds: how long it took. left_out: (what, why) for what is
    not shown, for lack of privileges or, if portable, because sockets were read through psutil.
    as_root: root itself lacks these privileges. not_looked_at: (what, why) for what the look did
    not reach.
    sample: what was judged, for details of a single pool. remedies: those of --what-if.
    asked: the exporter that was asked what it remembers, None if none was.
    """

    host: str
    time: datetime
    seconds: float
    assessment: Assessment
    left_out: LeftOut = ()
    portable: bool = False
    as_root: bool = False
    not_looked_at: LeftOut = ()
    sample: NamespaceSample = field(default_factory=lambda: NamespaceSample(""))
    remedies: tuple[Remedy, ...] = ()
    asked: Asked | None = None

    def what_if(self) -> tuple[WhatIf, ...]:
        """Return what the remedies would do for the pools."""
        return what_if(self.sample, self.assessment.pressures, self.remedies)
