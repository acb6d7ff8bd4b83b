"""What the exporter on a host remembers, added to what one look at that host showed."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple

from tcp_pressure_exporter.facts.kernel import Identity
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.sample.counted.pool_owners import MOST_TOLD, rank
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.pressures import Pressure

Resource = tuple[str, str]  # kind and name of a pressure


class Remembered(NamedTuple):
    """What an exporter reports about the network namespace it runs in, and which one that is.

    owners: of its resources, in its order; each says which exporter reported it. incidents: what
    has happened, each on a line, the newest first.
    """

    identity: Identity
    owners: Mapping[Resource, tuple[SeenOwner, ...]]
    incidents: tuple[str, ...] = ()


class Asked(NamedTuple):
    """An exporter that was asked. reason: why its answer is not used, "" if it is.

    incidents: what it says has happened, the newest first.
    """

    url: str
    reason: str = ""
    incidents: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """Say what the outcome was."""
        if self.reason:
            return f"The exporter at {self.url} could not help: {self.reason}."
        return f"Lines marked (by the exporter) come from the memory of the exporter at {self.url}."


def with_remembered(assessment: Assessment, remembered: Remembered) -> Assessment:
    """Return an assessment whose pressures also have the owners that an exporter remembers."""
    pressures = tuple(_with_owners(one, remembered) for one in assessment.pressures)
    return replace(assessment, pressures=pressures)


def _with_owners(pressure: Pressure, remembered: Remembered) -> Pressure:
    told = remembered.owners.get((pressure.kind, pressure.name), ())
    return pressure._replace(owners=_together(pressure.owners, told)) if told else pressure


def _together(seen: Sequence[SeenOwner], told: Sequence[SeenOwner]) -> tuple[SeenOwner, ...]:
    """Return the owners that were seen and those that were reported, each once.

    For one that is both, what the look itself showed counts. If the look may not count closes,
    those that the exporter counted are added and marked as such.
    """
    known = {one.owner: one for one in seen}
    counted = {one.owner: one for one in told if one.closed}
    others = [one for one in told if one.owner not in known]
    whole = [
        one._replace(closed=count.closed, closed_share=count.closed_share, told_by=count.told_by)
        if one.closed is None and (count := counted.get(one.owner))
        else one
        for one in seen
    ]
    return tuple(sorted([*whole, *others], key=rank)[:MOST_TOLD])
