"""Outbound pools of local ports that connect() did not choose: an application bound them itself.

A proxy may have its own source range (HAProxy's `source`), and an NFS client wants a port below
1024. The kernel sets no limit for them. For a range, the configuration gives the limit; for ports
below 1024 it is the number that RPC clients use (net/sunrpc/xprtsock.c, xs_get_random_port; glibc's
bindresvport(3)). Without a limit there is no ratio, and no forecast.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tcp_pressure_exporter.facts import time_wait
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.tally import (
    NetworkPorts,
    PoolCount,
    PoolKey,
    RowRules,
    SocketTally,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.directions import DirectionPools, ages_of, entered, unreclaimed
from tcp_pressure_exporter.pools.usage import Usage, summed

# What follows the local address of such a pool in its labels.
PRIVILEGED = "1-1023"
OUTSIDE = "outside"

MAX_ROWS = 64  # of each kind
# How many ports a client may use if it has used more than sunrpc's range has: bindresvport() starts
# at 600, rcmd(3) at 512, others at 1.
WIDER_PRIVILEGED = (424, 512, 1023)


@dataclass(frozen=True, slots=True)
class SourceRanges:
    """The ports that applications on this host are configured to choose themselves."""

    ranges: Sequence[NetworkPorts] = ()

    def of(self, address: bytes) -> tuple[NetworkPorts, ...]:
        """Return the ranges of one local address."""
        return tuple(found for found in self.ranges if found.has(address, found.low))


def ports_label(local_ports: str, local_address: bytes, sources: SourceRanges) -> str:
    """Return PoolKey.ports for connections from a kind of local ports (facts/time_wait.py)."""
    if local_ports == time_wait.OUTSIDE:
        return _outside(sources.of(local_address))
    return PRIVILEGED if local_ports == time_wait.PRIVILEGED else ""


def _outside(ranges: Iterable[NetworkPorts]) -> str:
    return ",".join(f"{found.low}-{found.high}" for found in ranges) or OUTSIDE


def row_rules(watched: Iterable[PoolKey], *, privileged: bool) -> RowRules:
    """Return which pools get a row of their own; watched: taken from all outbound pools."""
    own = tuple(
        key._replace(ports="")
        for key in watched
        if key.ports and (key.ports == PRIVILEGED) == privileged
    )
    return RowRules(min_used=1, max_rows=MAX_ROWS, watched=own)


def with_explicit_pools(
    outbound: DirectionPools,
    tally: SocketTally,
    settings: PortRange,
    sources: SourceRanges,
    reuse: TimeWaitReuse,
) -> DirectionPools:
    """Return the outbound pools together with those of other local ports.

    To bind(), a port stays taken until TIME_WAIT is over.
    """
    found = {
        **dict(_privileged(tally.privileged.rows, settings, reuse)),
        **dict(_explicit(tally.explicit.rows, sources, reuse)),
    }
    both = (tally.privileged, tally.explicit)
    if not found and not any(pools.others.pools for pools in both):
        return outbound
    ages = [outbound.ages, *map(ages_of, both)]
    return replace(
        outbound,
        pools={**outbound.pools, **found},
        others=outbound.others + sum(pools.others.pools for pools in both),
        others_used=outbound.others_used + sum(pools.others.ports for pools in both),
        entered=outbound.entered + sum(map(entered, both)),
        ages=None if outbound.ages is None else summed(filter(None, ages)),
        overflow_sockets=outbound.overflow_sockets + sum(pools.overflow for pools in both),
    )


def _privileged(
    rows: Mapping[PoolKey, PoolCount], settings: PortRange, reuse: TimeWaitReuse
) -> Iterator[tuple[PoolKey, Usage]]:
    for key, count in rows.items():
        limits = (settings.privileged, *WIDER_PRIVILEGED, count.ports)
        limit = next(limit for limit in limits if limit >= count.ports)
        yield key._replace(ports=PRIVILEGED), unreclaimed(count, limit, reuse)


def _explicit(
    rows: Mapping[PoolKey, PoolCount], sources: SourceRanges, reuse: TimeWaitReuse
) -> Iterator[tuple[PoolKey, Usage]]:
    for key, count in rows.items():
        ranges = sources.of(key.local_address)
        limit = sum(found.high - found.low + 1 for found in ranges)
        yield key._replace(ports=_outside(ranges)), unreclaimed(count, limit or None, reuse)
