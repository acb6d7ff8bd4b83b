"""What a sample tells a memory of incidents: the critical troubles, and how full resources are.

The names in it come from outside, and are cut before they get here.
"""

from collections.abc import Mapping
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.verdict.past.minutes import Figures, States
from tcp_pressure_exporter.verdict.troubles import Tie


class Involved(NamedTuple):
    """An owner. refused: calls refused to it. The other two are the most that were seen.

    closed: connections that it closed first within a minute, leaving TIME_WAIT. sockets: its live
    ones.
    """

    owner: Owner
    refused: int = 0
    closed: int = 0
    sockets: int = 0


class Sighting(NamedTuple):
    """A trouble that is critical in one sample.

    parts: what it consists of, its head first. certain: whether it exists now, rather than only in
    a forecast.
    resource: the one whose numbers show it, None if no resource is full; ratio: that of the
    resource. refused: calls that the newest sample counted; the same goes for owners.
    """

    parts: tuple[Tie, ...]
    title: str
    sentence: str
    runbook: str
    certain: bool
    resource: Tie | None = None
    ratio: float = 0.0
    refused: int = 0
    owners: tuple[Involved, ...] = ()


class NamespaceLook(NamedTuple):
    """What one sample showed about a network namespace whose pools could be read."""

    netns: str
    critical: tuple[Sighting, ...] = ()
    figures: Mapping[Tie, Figures] = {}
    states: States | None = None


class Look(NamedTuple):
    """One sample. now: on a clock that runs through a suspend; timestamp: since the epoch.

    holds: seconds for which a sample counts as current. own: the exporter's network namespace.
    """

    now: float
    timestamp: float
    holds: float
    own: str
    namespaces: tuple[NamespaceLook, ...]
