"""What if: how a pool would do with a different setting or load.

The last minute is replayed: the pool would have had to bear the closes that its TIME_WAIT entries
show, and its forecast is made again. So a remedy that changes nothing leaves the forecast as it is.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from tcp_pressure_exporter.facts.ports import PortRange, port_range
from tcp_pressure_exporter.pools.forecast import Flow, Outlook, exhaustion_seconds, flow_ahead
from tcp_pressure_exporter.pools.local_ports import choosable_ports
from tcp_pressure_exporter.pools.usage import (
    PEAK_SECONDS,
    Usage,
    closes_each_second,
    closes_per_second,
    is_mostly,
    whole_seconds,
)


class Obstacle(Enum):
    """Why a remedy does not help a pool."""

    TOLD_BY_NOBODY = "its closes, or the number of its ports, are not known"
    CHOSEN_BY_APPLICATION = "the application chooses its ports itself"
    REUSED_ALREADY = "connect() already reuses such ports"
    NO_TIMESTAMPS = "tcp_timestamps is off"
    REFUSED = "the peer sends no timestamps, or the client binds its port"
    BOUND = "its ports were bound before connect()"


class Situation(NamedTuple):
    """The circumstances of a pool.

    settings: the local port range. delay: seconds after which tcp_tw_reuse gives a port back.
    timestamps: whether this host sends them. bound: most of its ports in TIME_WAIT were bound
    before connect(). explicit: the application chooses the ports.
    """

    settings: PortRange
    delay: float
    timestamps: bool = True
    bound: bool = False
    explicit: bool = False


class Change(NamedTuple):
    """What remedies change about a pool.

    limit: how many ports it has. hold: seconds for which TIME_WAIT keeps one. load: the share of
    new connections that it still bears. kept: the share of its used ports that still count. live:
    the share of its live sockets that remains once all connections have been re-established.
    """

    limit: int
    hold: float
    load: float = 1.0
    kept: float = 1.0
    live: float = 1.0


@dataclass(frozen=True, slots=True)
class LocalRange:
    """A different net.ipv4.ip_local_port_range; reserved ports stay reserved."""

    low: int
    high: int

    @property
    def text(self) -> str:
        """The remedy as a user writes it."""
        return f"range={self.low}-{self.high}"

    def obstacle(self, usage: Usage, around: Situation) -> Obstacle | None:
        """Return why it does not help."""
        del usage
        return Obstacle.CHOSEN_BY_APPLICATION if around.explicit else None

    def applied(self, change: Change, around: Situation) -> Change:
        """Return the change with this remedy too. Used ports are assumed evenly spread."""
        now = around.settings
        other = PortRange(self.low, self.high, now.reserved, now.in_pairs)
        common = (now.usable & port_range(self.low, self.high)).bit_count()
        kept = common / max(now.usable.bit_count(), 1)
        return change._replace(limit=choosable_ports(other), kept=change.kept * kept)


@dataclass(frozen=True, slots=True)
class TimeWaitTakeOver:
    """net.ipv4.tcp_tw_reuse = 1."""

    text = "tw_reuse=1"

    def obstacle(self, usage: Usage, around: Situation) -> Obstacle | None:
        """Return why it does not help (tcp_twsk_unique, net/ipv4/tcp_ipv4.c)."""
        if around.bound:
            return Obstacle.BOUND
        if around.explicit:
            return Obstacle.CHOSEN_BY_APPLICATION
        if not around.timestamps:
            return Obstacle.NO_TIMESTAMPS
        if is_mostly(usage.refused, usage.used):
            return Obstacle.REFUSED
        return Obstacle.REUSED_ALREADY if usage.reused else None

    def applied(self, change: Change, around: Situation) -> Change:
        """Return the change with this remedy too."""
        return change._replace(hold=min(change.hold, around.delay))


@dataclass(frozen=True, slots=True)
class MoreAddresses:
    """More remote addresses, or local ones that clients bind to, with the load spread evenly."""

    more: int

    @property
    def text(self) -> str:
        """The remedy as a user writes it."""
        return f"addresses=+{self.more}"

    def obstacle(self, usage: Usage, around: Situation) -> Obstacle | None:
        """Return why it does not help: a bound port is blocked for every destination."""
        del usage
        return Obstacle.BOUND if around.bound else None

    def applied(self, change: Change, around: Situation) -> Change:
        """Return the change with this remedy too."""
        del around
        share = 1 / (self.more + 1)
        return change._replace(load=change.load * share, live=change.live * share)


@dataclass(frozen=True, slots=True)
class KeepAlive:
    """The clients keep connections open: that share of new ones is no longer needed."""

    share: float

    @property
    def text(self) -> str:
        """The remedy as a user writes it."""
        return f"keepalive={self.share:g}"

    def obstacle(self, usage: Usage, around: Situation) -> Obstacle | None:
        """Return None: it always helps."""
        del usage, around
        return None

    def applied(self, change: Change, around: Situation) -> Change:
        """Return the change with this remedy too."""
        del around
        return change._replace(load=change.load * (1 - self.share))


Remedy = LocalRange | TimeWaitTakeOver | MoreAddresses | KeepAlive


class Projection(NamedTuple):
    """How a pool would do.

    seconds: until it is full, 0 where it is, +Inf where that is not in sight. ratio: what the
    current rates lead to. peak_ratio: the highest ratio that the closes of the last minute would
    have led to.
    growing: whether live connections would go on growing.
    """

    seconds: float
    ratio: float
    peak_ratio: float
    growing: bool


def projected(
    usage: Usage, outlook: Outlook | None, remedies: Sequence[Remedy], around: Situation
) -> Projection | Obstacle:
    """Return the effect of the remedies together, or why the first that does not help does not."""
    if usage.ages is None or usage.limit is None or outlook is None:
        return Obstacle.TOLD_BY_NOBODY
    for remedy in remedies:
        if obstacle := remedy.obstacle(usage, around):
            return obstacle
    change = Change(usage.limit, usage.hold)
    for remedy in remedies:
        change = remedy.applied(change, around)
    ahead = flow_ahead(usage, usage.ages, usage.limit, outlook.growth, outlook.share)
    live = change.kept * (ahead.live - usage.blocked)
    later = usage.blocked + change.live * live
    flow = Flow(
        limit=change.limit,
        live=usage.blocked + live,
        ages=[change.kept * count for count in ahead.ages[: math.ceil(change.hold)]],
        closes=change.load * ahead.closes,
        growth=change.load * ahead.growth,
        hold=change.hold,
    )
    steady = change.load * change.hold * closes_per_second(usage.ages)
    peak = change.load * most_within(usage.ages, change.hold)
    return Projection(
        seconds=exhaustion_seconds(flow),
        ratio=(later + steady) / max(change.limit, 1),
        peak_ratio=(later + peak) / max(change.limit, 1),
        growing=flow.growth > 0,
    )


def most_within(ages: bytes, hold: float) -> int:
    """Return the most closes in any `hold` seconds of the last minute."""
    seconds = whole_seconds(closes_each_second(ages))[:PEAK_SECONDS]
    width = min(max(math.ceil(hold), 1), len(seconds))
    return max(sum(seconds[at : at + width]) for at in range(len(seconds) - width + 1))
