"""The ends between which the kernel refused connections lately: such a pool is full.

It is full whatever the number of used ports says: the kernel knows causes that are not visible
elsewhere, such as the port range of a single socket (IP_LOCAL_PORT_RANGE).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

from tcp_pressure_exporter.findings.evidence import RefusedPool
from tcp_pressure_exporter.findings.refusals import LATELY, NO_PORT_FOUND
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.table import ListedPool, PoolTables, end, pool_name
from tcp_pressure_exporter.sample.counted.failures import FailureOwner, RecentFailures

Ends = tuple[str, str, str]


def refused_lately(recent: RecentFailures) -> bool:
    """Tell whether the kernel found no port for a connection in the last minute."""
    return any(
        kind == NO_PORT_FOUND and count.seconds_ago < LATELY for kind, count in recent.counts()
    )


def refused_pools(listed: Sequence[ListedPool], recent: RecentFailures) -> tuple[RefusedPool, ...]:
    """Return the ends between which connections were refused in the last minute, the most first.

    Only those whose owner is known by name; their counts cover all recent refusals.
    """
    found = {owner: n for owner, n in recent.owners.items() if owner.kind == NO_PORT_FOUND}
    counts: Counter[Ends] = Counter()
    for owner, count in found.items():
        counts[ends_of(owner)] += count.failures
    last: dict[Ends, float] = {}
    for owner, count in found.items():
        ends = ends_of(owner)
        last[ends] = min(count.seconds_ago, last.get(ends, count.seconds_ago))
    return tuple(
        _refused(ends, count, recent.seconds, pool_between(ends, listed))._replace(
            seconds_ago=last[ends]
        )
        for ends, count in counts.most_common()
        if last[ends] < LATELY
    )


def ends_of(owner: FailureOwner) -> Ends:
    """Return the fixed ends of refused connections, as in the labels of a pool."""
    return owner.local_address, owner.remote_address, owner.port


def pool_between(ends: Ends, listed: Sequence[ListedPool]) -> ListedPool | None:
    """Return the listed outbound pool that has these ends, None where there is none.

    The interface of a refused connection is not known: None if pools differ only in that.
    """
    found = [pool for pool in listed if not pool.key.ports and _ends(pool) == ends]
    exact = [pool for pool in found if pool.local_address == ends[0]]
    chosen = exact or found
    return chosen[0] if len(chosen) == 1 else None


def _ends(pool: ListedPool) -> Ends:
    return pool.local_address.partition("%")[0], pool.remote_address, pool.port


def _refused(ends: Ends, count: int, seconds: float, pool: ListedPool | None) -> RefusedPool:
    local, remote, port = ends
    name = pool_name(OUTBOUND, pool) if pool else f"{local} → {end(remote, port)}"
    return RefusedPool(name, count, seconds, pool)


def with_refusals(tables: PoolTables, recent: RecentFailures) -> PoolTables:
    """Return the pools; those that refuse connections have no time left, but their use stays."""
    if OUTBOUND not in tables or not refused_lately(recent):
        return tables
    table = tables[OUTBOUND]
    full = {found.pool.key for found in refused_pools(table.listed, recent) if found.pool}
    return {
        **tables,
        OUTBOUND: replace(
            table,
            listed=tuple(_full(pool) if pool.key in full else pool for pool in table.listed),
            churn=table.churn and table.churn._replace(exhaustion_seconds=0.0),
        ),
    }


def _full(pool: ListedPool) -> ListedPool:
    return replace(pool, outlook=pool.outlook and pool.outlook._replace(exhaustion_seconds=0.0))
