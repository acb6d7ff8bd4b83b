"""Finite resources in words, and which of them come first."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, duration, percent, short_time
from tcp_pressure_exporter.findings.kinds import BLOCKED_PORTS, KINDS, LISTEN_QUEUE
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.forecast import HORIZON
from tcp_pressure_exporter.pools.near_limit.live_states import OPEN
from tcp_pressure_exporter.verdict.assessment import NamedBy
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.words import UNKNOWN, closer_words, seen_words, severity_word

FULL = "full now"
JUST_NOW = 15.0  # seconds: a pool that refused a connection this recently is as good as full
NOT_SOON = f"over {duration(HORIZON)}"  # the forecast looks no further
MIB = 2**20
CALM_ROWS = 3  # enough to see that it is calm, and what comes next
NO_OWNER = "TIME_WAIT has no owner: the owners shown hold the open connections."
NO_OWNER_NOW = "TIME_WAIT has no owner: the owners shown held open connections when last seen."
NAMES_HELP = "process names (root, or CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)"
CLOSES_HELP = "counting who closes (root, or CAP_BPF and CAP_PERFMON; Linux 6.1 or later)"
NOT_SOUGHT = (
    "No owner is known: owners are not looked for in this network namespace from here. To see them,"
    " run `tcp-pressure-exporter report` as root inside it."
)
NOBODY_SEEN = (
    "No owner is known: TIME_WAIT has none, and no open connection was seen whose owner could be"
    " found."
)


def why_nobody(by: NamedBy) -> str:
    """Say why no owner is named, and what would help."""
    if not by.sockets:
        return NOT_SOUGHT
    helps = [
        help_
        for known, help_ in ((by.process_names, NAMES_HELP), (by.closes, CLOSES_HELP))
        if not known
    ]
    if helps:
        return f"{NOBODY_SEEN} What would help: {'; '.join(helps)}."
    return f"{NOBODY_SEEN} Closes are counted from now on: look again in a minute."


class OwnersWords(NamedTuple):
    """Owners, each as `service (process) sockets`. label: what they have to do with the resource.

    short_label: the same for places with little room.
    """

    label: str
    short_label: str
    each: tuple[str, ...]

    @property
    def listed(self) -> str:
        """All of them on one line, "" for none."""
        return ", ".join(self.each)


class ResourceWords(NamedTuple):
    """A finite resource; "" where there is nothing to say.

    pressure: its numbers, for drawings. urgent: whether it is not calm.
    name: which one of its kind, if there are several. short: kind and name under a heading that
    says that they are pools.
    """

    pressure: Pressure
    urgent: bool
    severity: str
    kind: str
    name: str
    short: str
    percent: str
    used: str
    time_wait: str
    left: str
    heads_for: str
    search: str
    owners: OwnersWords


def resource_words(pressure: Pressure) -> ResourceWords:
    """Return a resource in words."""
    return ResourceWords(
        pressure=pressure,
        urgent=pressure.urgent,
        severity=severity_word(pressure.severity),
        kind=KINDS[pressure.kind].words,
        name=pressure.name,
        short=subject(pressure).replace(" pool ", " ", 1),
        percent=UNKNOWN if pressure.limit is None else percent(pressure.ratio),
        used=used_of_limit(pressure),
        time_wait="" if pressure.time_wait is None else f"{pressure.time_wait:,}",
        left=time_left(pressure),
        heads_for=heads_for(pressure),
        search=search(pressure),
        owners=_owners(pressure),
    )


def subject(pressure: Pressure) -> str:
    """Name a resource: its kind, and which one if there are several."""
    kind = KINDS[pressure.kind].words
    return f"{kind} {pressure.name}" if pressure.name else kind


def used_of_limit(pressure: Pressure) -> str:
    """Write how much is used, out of how much."""
    if KINDS[pressure.kind].in_bytes:
        return f"{pressure.used / MIB:,.0f} / {(pressure.limit or 0) / MIB:,.0f} MiB"
    if pressure.limit is None:
        return f"{pressure.used:,} / unknown"
    return f"{pressure.used:,} / {pressure.limit:,}"


def time_left(pressure: Pressure) -> str:
    """Write how soon a resource will be full."""
    left = pressure.seconds_left
    if pressure.is_full:
        ago = pressure.refused_ago
        return FULL if ago < JUST_NOW else f"full {duration(ago)} ago"
    if left is None:
        return UNKNOWN
    return NOT_SOON if math.isinf(left) else duration(left)


def heads_for(pressure: Pressure) -> str:
    """Write what the current rate leads to, "" where that is not known.

    Also "" if a burst fills the pool first, since a lower ratio later is no comfort; and if the
    rate of the last few seconds would fill it but is not continuing, since the pool is not heading
    there.
    """
    ratio, left = pressure.steady_state_ratio, pressure.seconds_left
    if ratio is None or (left is not None and math.isfinite(left) != (ratio >= 1)):
        return ""
    return percent(ratio)


def search(pressure: Pressure) -> str:
    """Say how long each connect() searches at this fill level, "" where that is not known."""
    seconds = pressure.search_seconds
    return "" if seconds is None else f"connect() now takes {short_time(seconds)} to find a port"


def _owners(pressure: Pressure) -> OwnersWords:
    if pressure.clients:
        each = tuple(f"{client} {ports:,}" for client, ports in pressure.clients)
        return OwnersWords("clients, by their ports", "clients", each)
    left_by = [one for one in pressure.owners if one.closed]
    if left_by and pressure.mostly_time_wait:
        return OwnersWords("TIME_WAIT left by", "left by", tuple(map(closer_words, left_by)))
    each = tuple(map(seen_words, pressure.owners))
    if pressure.kind == LISTEN_QUEUE:
        return OwnersWords("to be accepted by", "accepted by", each)
    if pressure.kind == BLOCKED_PORTS:
        return OwnersWords("held by", "held by", each)
    if pressure.filling not in {"", OPEN}:
        return OwnersWords("owners of its sockets", "owners", each)
    return OwnersWords("owners of its open connections", "owners", each)


class Closest(NamedTuple):
    """What is closest to its limit, the closest first.

    more_urgent: how many of those left out are not calm. rest: what is left out, in a few words.
    note: a sentence about the rows. Both are "" if there is nothing to say.
    """

    rows: tuple[ResourceWords, ...]
    more_urgent: int
    rest: str
    note: str


def closest(pressures: Sequence[Pressure], most: int, by: NamedBy = NamedBy()) -> Closest:  # noqa: B008 - immutable
    """Choose at most `most` of an assessment's: all that are not calm, or the first few.

    by: how owners are found here.
    """
    urgent = sum(pressure.urgent for pressure in pressures)
    count = min(max(urgent, CALM_ROWS), most)
    shown, rest = pressures[:count], pressures[count:]
    return Closest(
        rows=tuple(map(resource_words, shown)),
        more_urgent=sum(pressure.urgent for pressure in rest),
        rest=_rest(rest) if rest else "",
        note=_note([pressure for pressure in shown if pressure.urgent], by),
    )


def _note(urgent: Sequence[Pressure], by: NamedBy) -> str:
    """Say what the owners of outbound pools have to do with them, or why none are named."""
    pools = [pressure for pressure in urgent if pressure.kind == OUTBOUND]
    if any(not pool.owners for pool in pools):
        return why_nobody(by)
    seen = [
        pool.owners
        for pool in pools
        if pool.mostly_time_wait and not any(one.closed for one in pool.owners)
    ]
    if not seen:
        return ""
    return NO_OWNER if all(any(one.sockets for one in each) for each in seen) else NO_OWNER_NOW


def _rest(rest: Sequence[Pressure]) -> str:
    urgent = sum(pressure.urgent for pressure in rest)
    fullest = percent(max(pressure.ratio for pressure in rest))
    what = f"{urgent} of them not calm" if urgent else f"the fullest at {fullest}"
    return f"{counted(len(rest), 'more resource')}, {what}"
