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

    name: stable, a label value. severity: CALM for advice that can wait. advice: what it means
    and what to do, in one line. check: returns what it found, or None; raises SourceError or
    NotAskedError where that cannot be told. systems: those of facts/system.py that it
    concerns, None for any. exported: whether it is a metric, too; not where a counter tells it.
    about: the kinds (kinds.py) of which one that is in trouble has this finding as a cause or an
    effect; its detail may name which one. restates: the advice on such a one says the same.
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
        """Tell whether the finding can be there on a system."""
        return self.systems is None or system in self.systems

    @property
    def runbook(self) -> str:
        """Where the whole advice is."""
        return f"{RUNBOOKS}#{self.name}"


@dataclass(frozen=True, slots=True)
class FindingState:
    """A finding and what its check found; None where there is nothing to find.

    The detail may name processes and is not escaped.
    """

    finding: Finding
    detail: str | None


def shortened(items: Sequence[str], most: int = SHOWN, total: int = 0) -> str:
    """List at most that many by name, and say how many more there are: of `total`, if that is more.

    total: where `items` may be the first of many.
    """
    named, more = ", ".join(items[:most]), max(len(items), total) - most
    return f"{named} and {more} more" if more > 0 else named
