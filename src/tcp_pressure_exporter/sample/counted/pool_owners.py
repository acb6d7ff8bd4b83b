"""Who makes a pool full, by all that is known: counted closes, live sockets, refused calls."""

from collections import Counter
from collections.abc import Iterable, Mapping

from tcp_pressure_exporter.facts.sockets import NOBODY, Owner
from tcp_pressure_exporter.findings.refusals import NO_PORT_FOUND
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses, ClosedPool
from tcp_pressure_exporter.sample.counted.failures import RecentFailures
from tcp_pressure_exporter.sample.counted.refused_pools import ends_of, pool_between

MOST_TOLD = 3  # owners of one pool


def closers_of(direction: str, pool: ListedPool, closes: ActiveCloses) -> Mapping[Owner, int]:
    """Return who closed first in a pool within the last minute, and how often."""
    ends = ClosedPool(direction, pool.local_address, pool.remote_address, pool.port)
    return {one.owner: count for one, count in closes.recent.items() if one.pool == ends}


def callers_of(pool: ListedPool, recent: RecentFailures) -> Mapping[Owner, int]:
    """Return whose connections an outbound pool lately refused, and how many."""
    found: Counter[Owner] = Counter()
    for owner, count in recent.owners.items():
        if owner.kind == NO_PORT_FOUND and pool_between(ends_of(owner), (pool,)):
            found[owner.owner] += count.failures
    return found


def named_owners(
    direction: str,
    pool: ListedPool,
    live: Iterable[SeenOwner],
    closes: ActiveCloses | None,
    recent: RecentFailures | None,
) -> tuple[SeenOwner, ...]:
    """Return the owners of a pool, at most MOST_TOLD: first who left most of its TIME_WAIT.

    live: who has live sockets, or had. closes, recent: None where nobody counts them.
    """
    closed = closers_of(direction, pool, closes) if closes else {}
    refused = callers_of(pool, recent) if recent and direction == OUTBOUND else {}
    seen = {_whole(one.owner, {**closed, **refused}): one for one in live}
    total = sum(closed.values())
    found = [
        seen.get(owner, SeenOwner(owner, 0))._replace(
            owner=owner,
            closed=closed.get(owner, 0) if closes else None,
            closed_share=closed.get(owner, 0) / total if total else None,
            refused=refused.get(owner, 0),
        )
        for owner in {**seen, **closed, **refused}
        if owner != NOBODY
    ]
    return tuple(sorted(found, key=rank)[:MOST_TOLD])


def _whole(owner: Owner, counted: Iterable[Owner]) -> Owner:
    """Return an owner whose process was not found as the only one of its service that counted."""
    same = [one for one in counted if one.service == owner.service and owner.service]
    return same[0] if len(same) == 1 and not owner.process else owner


def rank(one: SeenOwner) -> tuple[int, int, int, float]:
    """Return the place of an owner among others, lowest first."""
    return -(one.closed or 0), -one.sockets, -one.refused, one.seconds_ago
