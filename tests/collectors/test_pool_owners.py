import pytest

from tcp_pressure_exporter.collectors.pool_owners import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.pools.near_limit.closer_look import PoolOwners
from tcp_pressure_exporter.pools.table import ListedPool
from tcp_pressure_exporter.pools.usage import Usage
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

NONE = "# TYPE tcp_pressure_pool_owner_sockets gauge\n"


def owned(remote: str, *owners: SeenOwner, local: str = "10.0.0.2") -> PoolOwners:
    pool = ListedPool(PoolKey(b"", b"", b""), local, remote, "443", Usage(9, 10, 0, 0))
    return PoolOwners(pool, owners)


def page(*pools: PoolOwners) -> str:
    return of_namespaces(FAMILIES, namespace_sample("host", pool_owners=Outcome(0.1, pools)))


def test_golden() -> None:
    """Each owner of each pool has its live sockets, with what is known about it."""
    pools = (
        owned(
            "10.0.0.9",
            SeenOwner(Owner("nginx.service", "nginx"), 1204),
            SeenOwner(Owner("container:0123456789ab", ""), 12),
        ),
        owned("lb", SeenOwner(Owner("", "curl"), 1), local="2001:db8::2"),
        owned("10.0.0.8"),
    )
    assert page(*pools) == golden("""
        # TYPE tcp_pressure_pool_owner_sockets gauge
        tcp_pressure_pool_owner_sockets{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",process="nginx",remote_address="10.0.0.9",\\
            service="nginx.service"} 1204.0
        tcp_pressure_pool_owner_sockets{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",process="",remote_address="10.0.0.9",\\
            service="container:0123456789ab"} 12.0
        tcp_pressure_pool_owner_sockets{direction="outbound",local_address="2001:db8::2",\\
            netns="host",port="443",process="curl",remote_address="lb",service=""} 1.0
    """)


def test_hostile_names() -> None:
    """The name of a unit or a process can neither end a label nor begin a line."""
    text = page(owned("10.0.0.9", SeenOwner(Owner('a"b\\c.service', "x\ny 1"), 7)))
    assert text == NONE + (
        'tcp_pressure_pool_owner_sockets{direction="outbound",local_address="10.0.0.2",'
        'netns="host",port="443",process="x\\ny 1",remote_address="10.0.0.9",'
        'service="a\\"b\\\\c.service"} 7.0\n'
    )


@pytest.mark.parametrize(
    "outcome", [None, Outcome(0.1, ()), Outcome(0.1, error=SourceError("sock_diag dump", "no"))]
)
def test_absent(outcome: Outcome[tuple[PoolOwners, ...]] | None) -> None:
    """If no pool is near its limit, the source failed, or it is off, nothing is shown."""
    sample = namespace_sample("host", pool_owners=outcome)
    assert of_namespaces(FAMILIES, sample) == NONE
