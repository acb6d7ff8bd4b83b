"""All that the status page tells at one moment, before it becomes HTML or JSON."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.sample.exporter import ExporterState
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample
from tcp_pressure_exporter.verdict.assessment import Assessment, assess
from tcp_pressure_exporter.verdict.history import Line, SeriesKey
from tcp_pressure_exporter.verdict.words import headline

UNKNOWN = "unknown"
NO_SAMPLE = "There is no sample yet."
TOO_OLD = "There is no current data: the newest sample is older than three intervals."
_URGENCY = ("critical", "warning", UNKNOWN, "calm")


class Judged(NamedTuple):
    """A namespace, and what its sample means."""

    sample: NamespaceSample
    assessment: Assessment


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known.

    sample: the newest, None before the first. current: whether it is young enough to be shown.
    line: the last hour of a series. settings: (flag or key, value). left_out: (what, why) is not
    shown for want of rights. runbook_url: below which the project's docs/ are, None where nobody
    said.
    """

    host: str
    sample: Sample | None
    current: bool
    line: Callable[[SeriesKey], Line]
    exporter: ExporterState
    settings: tuple[tuple[str, str], ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    runbook_url: str | None = None

    def namespaces(self) -> tuple[Judged, ...]:
        """Return the namespaces, the worst first; none of a sample that is not current."""
        if self.sample is None or not self.current:
            return ()
        judged = (Judged(namespace, assess(namespace)) for namespace in self.sample.namespaces)
        return tuple(sorted(judged, key=lambda one: _URGENCY.index(one.assessment.verdict)))


class Verdict(NamedTuple):
    """The verdict as a word, and in one sentence what it rests on."""

    word: str
    sentence: str


def verdict_of(snapshot: Snapshot, shown: Judged | None) -> Verdict:
    """Return the verdict on a namespace, or why there is none."""
    if shown is not None:
        return Verdict(shown.assessment.verdict, headline(shown.assessment))
    return Verdict(UNKNOWN, NO_SAMPLE if snapshot.sample is None else TOO_OLD)
