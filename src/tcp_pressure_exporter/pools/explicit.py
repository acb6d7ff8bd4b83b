"""Outbound pools of local ports that no connect() chose: an application bound them by itself.

A proxy has a source range of its own (HAProxy's `source`), an NFS client wants a port below 1024.
The kernel knows no limit for them. That of a range is what the configuration says; that of ports
below 1024 is what clients of RPC take (net/sunrpc/xprtsock.c, xs_get_random_port; glibc's
bindresvport(3)). Without a limit there is no ratio, and no forecast.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.tally import (
    NetworkPorts,
    PoolCount,
    PoolKey,
    PoolTally,
    RowRules,
    SocketTally,
)
from tcp_pressure_exporter.pools.directions import DirectionPools
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
    """The ports that applications on this host are known to choose by themselves."""

    ranges: Sequence[NetworkPorts] = ()

    def of(self, address: bytes) -> tuple[NetworkPorts, ...]:
        """Return the ranges of one local address."""
        return tuple(found for found in self.ranges if found.has(address, found.low))


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
    hold: float,
) -> DirectionPools:
    """Return the outbound pools with those of other local ports beside them.

    hold: seconds that TIME_WAIT keeps a port: bind() gets none of them back before.
    """
    found = {
        **dict(_privileged(tally.privileged.rows, settings, hold)),
        **dict(_explicit(tally.explicit.rows, sources, hold)),
    }
    both = (tally.privileged, tally.explicit)
    if not found and not any(pools.others.pools for pools in both):
        return outbound
    ages = [outbound.ages, *(_ages(pools) for pools in both)]
    return replace(
        outbound,
        pools={**outbound.pools, **found},
        others=outbound.others + sum(pools.others.pools for pools in both),
        others_used=outbound.others_used + sum(pools.others.ports for pools in both),
        entered=outbound.entered + sum(_entered(pools) for pools in both),
        ages=None if outbound.ages is None else summed(filter(None, ages)),
        overflow_sockets=outbound.overflow_sockets + sum(pools.overflow for pools in both),
    )


def _entered(pools: PoolTally) -> int:
    return pools.others.entered + sum(count.entered for count in pools.rows.values())


def _ages(pools: PoolTally) -> bytes:
    return summed((pools.others.ages, *(count.ages for count in pools.rows.values())))


def _privileged(
    rows: Mapping[PoolKey, PoolCount], settings: PortRange, hold: float
) -> Iterator[tuple[PoolKey, Usage]]:
    for key, count in rows.items():
        limits = (settings.privileged, *WIDER_PRIVILEGED, count.ports)
        limit = next(limit for limit in limits if limit >= count.ports)
        yield key._replace(ports=PRIVILEGED), _usage(count, limit, hold)


def _explicit(
    rows: Mapping[PoolKey, PoolCount], sources: SourceRanges, hold: float
) -> Iterator[tuple[PoolKey, Usage]]:
    for key, count in rows.items():
        ranges = sources.of(key.local_address)
        ports = ",".join(f"{found.low}-{found.high}" for found in ranges)
        limit = sum(found.high - found.low + 1 for found in ranges)
        yield key._replace(ports=ports or OUTSIDE), _usage(count, limit or None, hold)


def _usage(count: PoolCount, limit: int | None, hold: float) -> Usage:
    return Usage(
        used=count.ports,
        limit=limit,
        time_wait=count.time_wait,
        reclaimable=None,
        entered=count.entered,
        ages=count.ages or None,
        hold=hold,
    )
