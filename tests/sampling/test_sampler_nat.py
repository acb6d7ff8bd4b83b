"""NAT pools in a sample: from the text of conntrack to the listed pools."""

from dataclasses import replace
from ipaddress import ip_network
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.directions import NatRanges
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.sample import NAT_POOLS
from tcp_pressure_exporter.sampling.parts.nat import share, with_clients
from tcp_pressure_exporter.settings.config import Config
from tests.sources.counting.recordings import RECORDED
from tests.support.fakes.fake_host import FakeHost, failed
from tests.support.messages.socket_entries import sixteen_bytes

COUNT = "sys/net/netfilter/nf_conntrack_count"
TEXT = "thread-self/net/nf_conntrack"
RANGES = NatRanges({sixteen_bytes("198.51.100.1"): 100})
EVERY_POOL = Config(ListingRule(top=100, min_ratio=0), nat=RANGES)


@pytest.fixture
def gateway(tmp_path: Path) -> FakeHost:
    """Give a gateway on Linux 6.18 with the recorded connections."""
    host = FakeHost(tmp_path)
    host.procfs.write("sys/kernel/osrelease", "6.18.44\n")
    host.procfs.write(COUNT, "47\n")
    host.procfs.write(TEXT, (RECORDED / "nf_conntrack.txt").read_bytes())
    return host


def nat(host: FakeHost, config: Config) -> PoolTable:
    host.loop.config = config
    taken = host.take().outcome(NAT_POOLS)
    assert taken is not None
    return taken.get()


def listed(table: PoolTable) -> list[tuple[str, str, int]]:
    return [(pool.local_address, pool.remote_address, pool.usage.used) for pool in table.listed]


def test_every_pool(gateway: FakeHost) -> None:
    """Pools are listed by ratio, each by the range of its address."""
    table = nat(gateway, EVERY_POOL)
    assert listed(table) == [
        ("198.51.100.1", "198.51.100.10", 17),
        ("198.51.100.1", "198.51.100.11", 3),
        ("198.51.100.1", "203.0.113.9", 2),
        ("2001:db8:2::1", "2001:db8:2::10", 4),
        ("198.51.100.2", "198.51.100.11", 3),
    ]
    fullest = table.listed[0]
    assert fullest.usage == Usage(17, 100, 6, 8)
    assert (fullest.port, fullest.outlook) == ("9000", None)
    assert (table.count, table.ratio_max, table.churn) == (5, 0.17, None)


@pytest.mark.parametrize(
    ("top", "expected"),
    [(10, (7, 3)), (6, (3, 3)), (5, (3, 2)), (3, (2, 1)), (2, (1, 1)), (1, (1, 0)), (0, (0, 0))],
)
def test_clients_share_the_series_of_pools(top: int, expected: tuple[int, int]) -> None:
    """Four series a pool and three for its clients are never more than four for each of the top.

    A pool whose clients are shown is listed.
    """
    listed, told = share(top)
    assert (listed, told) == expected
    assert told <= listed
    assert 4 * listed + 3 * told <= 4 * top


def test_clients(gateway: FakeHost) -> None:
    """From the second sample on, the fullest pools show whose connections hold most of their ports.

    Counted in the recording with grep: 17 ports of the first pool, minus its own connections.
    """
    first, second = nat(gateway, EVERY_POOL), nat(gateway, EVERY_POOL)
    assert [pool.clients for pool in first.listed] == [()] * 5
    told = [pool.clients for pool in second.listed]
    assert told[3:] == [(), ()]
    assert {client.address for clients in told for client in clients} == {"192.0.2.2"}
    for pool, clients in zip(second.listed[:3], told, strict=False):
        own = pool.usage.used + (pool.usage.reclaimable or 0)
        assert 0 < clients[0].ports <= own


def test_pods() -> None:
    """A client whose pod is known has its name, with the ports of all its addresses."""
    pool = PoolKey(sixteen_bytes("198.51.100.1"), sixteen_bytes("203.0.113.9"), b"\x01\xbb")
    listed = ListedPool(pool, "198.51.100.1", "203.0.113.9", "443", Usage(60, 100, 0, 0))
    table = PoolTable(1, 0.6, 0.6, (listed,), 0, 0)
    ports = {"10.244.1.5": 30, "10.244.1.6": 20, "10.0.0.17": 10}
    clients = {pool: {sixteen_bytes(address): n for address, n in ports.items()}}
    pods = {sixteen_bytes(f"10.244.1.{n}"): "default/web" for n in (5, 6)}
    (told,) = with_clients(table, clients, lambda address: pods.get(address, "")).listed
    assert told.clients == (("default/web", 50), ("10.0.0.17", 10))


def test_zone(gateway: FakeHost) -> None:
    """A conntrack zone follows the address, whose range is configured without it."""
    text = (RECORDED / "nf_conntrack.txt").read_text()
    gateway.procfs.write(TEXT, text.replace(" zone=0 ", " zone=5 "))
    fullest = nat(gateway, EVERY_POOL).listed[0]
    assert (fullest.local_address, fullest.usage) == ("198.51.100.1%zone5", Usage(17, 100, 6, 8))


def test_least_ratio(gateway: FakeHost) -> None:
    """Pools below the minimum ratio are counted but not listed."""
    table = nat(gateway, replace(EVERY_POOL, listing=ListingRule(top=100, min_ratio=0.03)))
    assert listed(table) == [
        ("198.51.100.1", "198.51.100.10", 17),
        ("198.51.100.1", "198.51.100.11", 3),
    ]
    assert (table.count, table.unlisted_ports_used) == (5, 9)
    default = nat(gateway, Config())
    assert (listed(default), default.count, default.unlisted_ports_used) == ([], 5, 29)


def test_groups(gateway: FakeHost) -> None:
    """A group's destinations are one pool per address; their limits add up."""
    servers = RemoteGroup("servers", (ip_network("198.51.100.0/24"),))
    table = nat(gateway, replace(EVERY_POOL, groups=RemoteGroups([servers])))
    grouped = {pool[:2]: pool[2] for pool in listed(table)}
    assert grouped["198.51.100.1", "servers"] == 20
    [first] = [pool for pool in table.listed if pool.local_address == "198.51.100.1"][:1]
    assert first.usage == Usage(20, 200, 6, 8)
    assert table.ratio_max == 0.17  # of each address alone


def test_highest_ratio(gateway: FakeHost) -> None:
    """The highest ratio of the last minute is remembered."""
    assert nat(gateway, EVERY_POOL).ratio_max_1m == 0.17
    gateway.procfs.write(COUNT, "0\n")
    table = nat(gateway, EVERY_POOL)
    assert (table.count, table.ratio_max, table.ratio_max_1m) == (0, 0.0, 0.17)


@pytest.mark.parametrize("source", [COUNT, TEXT])
def test_failing_source(gateway: FakeHost, source: str) -> None:
    """If conntrack cannot be read, only NAT pools are missing."""
    gateway.procfs.make_unreadable(source)
    sample = gateway.take()
    assert failed(sample) - {"limits", "findings"} == {"nat"}
    assert set(sample.pool_tables()) == {"outbound", "inbound", "source"}


def test_directions(gateway: FakeHost) -> None:
    """NAT is a direction of pools like the others, present even if nothing is translated."""
    assert list(gateway.take().pool_tables()) == ["outbound", "inbound", "source", "nat"]
    gateway.procfs.remove(COUNT)
    assert gateway.take().pool_tables()["nat"].count == 0
