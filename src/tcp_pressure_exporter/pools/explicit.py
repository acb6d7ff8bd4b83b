"""Outbound pools of local ports that connect() did not choose: an application bound them itself.

A proxy has a source range of its own (HAProxy's `source`), an NFS client wants a port below 1024.
The kernel knows no limit for them. That of a range is what the configuration says; that of ports
below 1024 is what clients of RPC take (net/sunrpc/xprtsock.c, xs_get_random_port; glibc's
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

# What stands behind the local address of such a pool.
PRIVILEGED = "1-1023"
OUTSIDE = "outside"

MAX_ROWS = 64  # of each kind: more are not told apart
# What a client may take that has used more than sunrpc's range: bindresvport() from 600 on, rcmd(3)
# from 512 on, or whatever is below 1024.
WIDER_PRIVILEGED = (424, 512, 1023)


@dataclass(frozen=True, slots=True)
class SourceRanges:
    """The ports that applications on this host are known to choose themselves."""

    ranges: Sequence[NetworkPorts] = ()

    def of(self, address: bytes) -> tuple[NetworkPorts, ...]:
        """Return the ranges of one local address."""
        return tuple(found for found in self.ranges if found.has(address, found.low))


def ports_label(local_ports: str, local_address: bytes, sources: SourceRanges) -> str:
    """Return PoolKey.ports of connections from some local ports (facts/time_wait.py)."""
    if local_ports == time_wait.OUTSIDE:
        return _outside(sources.of(local_address))
    return PRIVILEGED if local_ports == time_wait.PRIVILEGED else ""


def _outside(ranges: Iterable[NetworkPorts]) -> str:
    return ",".join(f"{found.low}-{found.high}" for found in ranges) or OUTSIDE


def row_rules(watched: Iterable[PoolKey], *, privileged: bool) -> RowRules:
    """Return which pools are told apart; watched: those of all outbound pools."""
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
    """Return the outbound pools with those of other local ports beside them.

    bind() gets no port back before TIME_WAIT is over.
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
