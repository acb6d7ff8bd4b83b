"""Who fills a pool: what is counted, seen and refused is put together."""

from collections.abc import Mapping

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.findings.refusals import NO_PORT_FOUND
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses, ClosedPool, Closer
from tcp_pressure_exporter.sample.counted.failures import (
    FailureOwner,
    RecentCount,
    RecentFailures,
)
from tcp_pressure_exporter.sample.counted.pool_owners import MOST_TOLD, named_owners

ENDS = ("10.0.0.2", "10.0.0.9", "443")
POOL = ListedPool(PoolKey(bytes(16), bytes(16), b"\x01\xbb"), *ENDS, Usage(9, 10, 9, 0))
NGINX, CURL, CRON = Owner("nginx.service", "nginx"), Owner("", "curl"), Owner("cron.service")


def closes(counts: Mapping[str, int], direction: str = OUTBOUND) -> ActiveCloses:
    names = {"nginx": NGINX, "curl": CURL}
    ends = ClosedPool(direction, *ENDS)
    recent = {
        Closer(ends, names.get(name, Owner("", name))): count for name, count in counts.items()
    }
    elsewhere = Closer(ClosedPool(OUTBOUND, "10.0.0.2", "10.0.0.8", "443"), CRON)
    return ActiveCloses({}, {}, recent | {elsewhere: 5_000})


def refusals(owner: Owner, count: int) -> RecentFailures:
    failures = {FailureOwner(NO_PORT_FOUND, owner, *ENDS): RecentCount(count, 1.0)}
    other = FailureOwner(NO_PORT_FOUND, CRON, "10.0.0.2", "10.0.0.8", "443")
    return RecentFailures(300.0, failures | {other: RecentCount(7, 1.0)})


def test_live_sockets_alone() -> None:
    """If closes are not counted, owners of sockets seen are named, most sockets first."""
    seen = (SeenOwner(CURL, 0, 40.0), SeenOwner(NGINX, 12))
    assert named_owners(OUTBOUND, POOL, seen, None, None) == (seen[1], seen[0])


def test_makers_of_time_wait() -> None:
    """The most frequent first closer comes first, although others have more live sockets."""
    seen = (SeenOwner(CURL, 30), SeenOwner(CRON, 1, 9.0))
    assert named_owners(OUTBOUND, POOL, seen, closes({"nginx": 900, "curl": 100}), None) == (
        SeenOwner(NGINX, 0, 0.0, 900, 0.9),
        SeenOwner(CURL, 30, 0.0, 100, 0.1),
        SeenOwner(CRON, 1, 9.0, 0, 0.0),
    )


def test_process_that_was_not_found() -> None:
    """An owner seen only by service is its one process that was counted."""
    half = SeenOwner(Owner("nginx.service"), 3)
    assert named_owners(OUTBOUND, POOL, (half,), closes({"nginx": 9}), None) == (
        SeenOwner(NGINX, 3, 0.0, 9, 1.0),
    )
    assert named_owners(OUTBOUND, POOL, (half,), closes({"curl": 9}), None)[1].owner == half.owner


def test_who_is_refused() -> None:
    """An owner with refused connections is named even without sockets, but not in other pools."""
    assert named_owners(OUTBOUND, POOL, (), None, refusals(NGINX, 1_177)) == (
        SeenOwner(NGINX, 0, refused=1_177),
    )


def test_inbound() -> None:
    """Inbound pools name who closes what others opened; refusals belong to outbound pools."""
    assert named_owners(INBOUND, POOL, (), closes({"nginx": 5}, INBOUND), refusals(CURL, 3)) == (
        SeenOwner(NGINX, 0, 0.0, 5, 1.0),
    )


def test_nobody_counts_yet() -> None:
    """If closes are counted and there were none, nobody is invented."""
    assert named_owners(OUTBOUND, POOL, (), closes({}), RecentFailures()) == ()


def test_several_processes() -> None:
    """Few are reported; their shares are of all closes."""
    crowd = {f"worker-{number}": 10 + number for number in range(20)}
    told = named_owners(OUTBOUND, POOL, (), closes(crowd), None)
    assert [one.closed for one in told] == [29, 28, 27][:MOST_TOLD]
    assert told[0].closed_share == 29 / sum(crowd.values())


def test_unknown_owner() -> None:
    """Sockets without a known owner name nobody."""
    assert named_owners(OUTBOUND, POOL, (), None, refusals(Owner(), 5)) == ()
