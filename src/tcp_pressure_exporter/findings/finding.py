"""What a finding is: advice that a machine can check."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass

from tcp_pressure_exporter.facts.system import LINUX
from tcp_pressure_exporter.findings.evidence import Evidence
from tcp_pressure_exporter.findings.kinds import Severity

RUNBOOKS = "docs/findings.md"
SHOWN = 5  # items in one detail


@dataclass(frozen=True, slots=True)
class Finding:
    """One kind of advice.

    name: stable, a label value. severity: CALM for advice that can wait. advice: what it means and
    what to do, in one line. check: returns what it found, or None; raises SourceError or
    NotAskedError if it cannot tell. systems: those in facts/system.py that it applies to, None for
    any. exported: whether it is also a metric; not if a counter shows it.
    about: the kinds (kinds.py) for which this finding is a cause or an effect of trouble; its
    detail may name the resource. restates: whether the advice on such a resource says the same.
    """

    name: str
    severity: Severity
    advice: str
    check: Callable[[Evidence], str | None]
    systems: Collection[str] | None = (LINUX,)
    exported: bool = True
    about: Collection[str] = ()
    restates: bool = False

    def concerns(self, system: str) -> bool:
        """Tell whether the finding applies to a system."""
        return self.systems is None or system in self.systems

    @property
    def runbook(self) -> str:
        """Where the full advice is."""
        return f"{RUNBOOKS}#{self.name}"


@dataclass(frozen=True, slots=True)
class FindingState:
    """A finding and what its check found; None if it found nothing.

    The detail may name processes and is not escaped.
    """

    finding: Finding
    detail: str | None


def shortened(items: Sequence[str], most: int = SHOWN, total: int = 0) -> str:
    """List at most `most` by name, and say how many more there are, of `total` if that is more.

    total: for `items` that may be the first of many.
    """
    named, more = ", ".join(items[:most]), max(len(items), total) - most
    return f"{named} and {more} more" if more > 0 else named
