"""Who fills a pool, by all that is known: counted closes, live sockets, refused calls."""

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

MOST_TOLD = 3  # owners reported for one pool


def closers_of(direction: str, pool: ListedPool, closes: ActiveCloses) -> Mapping[Owner, int]:
    """Return who closed first in a pool in the last minute, and how often."""
    ends = ClosedPool(direction, pool.local_address, pool.remote_address, pool.port)
    return {one.owner: count for one, count in closes.recent.items() if one.pool == ends}


def callers_of(pool: ListedPool, recent: RecentFailures) -> Mapping[Owner, int]:
    """Return whose connections an outbound pool refused lately, and how many."""
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
    """Return the owners of a pool, at most MOST_TOLD: first those that left most TIME_WAIT.

    live: those with live sockets, now or lately. closes, recent: None where they are not counted.
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
    """Return an owner without a known process as the only counted one of its service, if any."""
    same = [one for one in counted if one.service == owner.service and owner.service]
    return same[0] if len(same) == 1 and not owner.process else owner


def rank(one: SeenOwner) -> tuple[int, int, int, float]:
    """Return the sort key of an owner, lowest first."""
    return -(one.closed or 0), -one.sockets, -one.refused, one.seconds_ago
