import pytest

from tcp_pressure_exporter.collectors.pools import USE_FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable, PoolTables
from tcp_pressure_exporter.pools.usage import Usage
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

KEY = PoolKey(b"", b"", b"")
TABLES = {
    "outbound": PoolTable(
        count=41,
        ratio_max=0.75,
        ratio_max_1m=0.875,
        listed=(
            ListedPool(KEY, "10.0.0.2", "10.0.0.9", "443", Usage(21174, 28232, 20402, 0)),
            ListedPool(KEY, "::1", "lb", "80", Usage(30, 28232, 0, 12)),
        ),
        unlisted_ports_used=55,
        overflow_sockets=0,
    ),
    "inbound": PoolTable(0, 0.0, 0.25, (), 0, 0),
    "source": PoolTable(
        count=1,
        ratio_max=0.5,
        ratio_max_1m=0.5,
        listed=(ListedPool(KEY, "10.0.0.2", "", "", Usage(14116, 28232, 3, None)),),
        unlisted_ports_used=0,
        overflow_sockets=7,
    ),
}


def test_golden() -> None:
    """Listed pools have a series for each known figure; directions have their totals."""
    sample = namespace_sample("host", pools=Outcome(0.1, TABLES))
    assert of_namespaces(USE_FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_pool_ports_used gauge
        tcp_pressure_pool_ports_used{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 21174.0
        tcp_pressure_pool_ports_used{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} 30.0
        tcp_pressure_pool_ports_used{direction="source",local_address="10.0.0.2",\\
            netns="host",port="",remote_address=""} 14116.0
        # TYPE tcp_pressure_pool_ports_limit gauge
        tcp_pressure_pool_ports_limit{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 28232.0
        tcp_pressure_pool_ports_limit{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} 28232.0
        tcp_pressure_pool_ports_limit{direction="source",local_address="10.0.0.2",\\
            netns="host",port="",remote_address=""} 28232.0
        # TYPE tcp_pressure_pool_time_wait gauge
        tcp_pressure_pool_time_wait{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 20402.0
        tcp_pressure_pool_time_wait{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} 0.0
        tcp_pressure_pool_time_wait{direction="source",local_address="10.0.0.2",\\
            netns="host",port="",remote_address=""} 3.0
        # TYPE tcp_pressure_pool_reclaimable gauge
        tcp_pressure_pool_reclaimable{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 0.0
        tcp_pressure_pool_reclaimable{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} 12.0
        # TYPE tcp_pressure_pools gauge
        tcp_pressure_pools{direction="outbound",netns="host"} 41.0
        tcp_pressure_pools{direction="inbound",netns="host"} 0.0
        tcp_pressure_pools{direction="source",netns="host"} 1.0
        # TYPE tcp_pressure_pool_ratio_max gauge
        tcp_pressure_pool_ratio_max{direction="outbound",netns="host"} 0.75
        tcp_pressure_pool_ratio_max{direction="inbound",netns="host"} 0.0
        tcp_pressure_pool_ratio_max{direction="source",netns="host"} 0.5
        # TYPE tcp_pressure_pool_ratio_max_1m gauge
        tcp_pressure_pool_ratio_max_1m{direction="outbound",netns="host"} 0.875
        tcp_pressure_pool_ratio_max_1m{direction="inbound",netns="host"} 0.25
        tcp_pressure_pool_ratio_max_1m{direction="source",netns="host"} 0.5
        # TYPE tcp_pressure_unlisted_pool_ports_used gauge
        tcp_pressure_unlisted_pool_ports_used{direction="outbound",netns="host"} 55.0
        tcp_pressure_unlisted_pool_ports_used{direction="inbound",netns="host"} 0.0
        tcp_pressure_unlisted_pool_ports_used{direction="source",netns="host"} 0.0
        # TYPE tcp_pressure_pool_overflow_sockets gauge
        tcp_pressure_pool_overflow_sockets{direction="outbound",netns="host"} 0.0
        tcp_pressure_pool_overflow_sockets{direction="inbound",netns="host"} 0.0
        tcp_pressure_pool_overflow_sockets{direction="source",netns="host"} 7.0
    """)


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("range", "absent"))])
def test_absent(outcome: Outcome[PoolTables] | None) -> None:
    """If a source failed, or the collector is off, there are no pools, not even zero of them."""
    assert "{" not in of_namespaces(USE_FAMILIES, namespace_sample("host", pools=outcome))


NAT = PoolTable(
    count=2,
    ratio_max=0.625,
    ratio_max_1m=0.75,
    listed=(ListedPool(KEY, "198.51.100.1", "203.0.113.9", "443", Usage(6250, 10000, 512, 600)),),
    unlisted_ports_used=3,
    overflow_sockets=0,
)


def test_nat() -> None:
    """NAT pools are rows of the same families, whether or not there are pools of sockets."""
    sample = namespace_sample("host", nat=Outcome(0.1, NAT))
    assert of_namespaces(USE_FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_pool_ports_used gauge
        tcp_pressure_pool_ports_used{direction="nat",local_address="198.51.100.1",\\
            netns="host",port="443",remote_address="203.0.113.9"} 6250.0
        # TYPE tcp_pressure_pool_ports_limit gauge
        tcp_pressure_pool_ports_limit{direction="nat",local_address="198.51.100.1",\\
            netns="host",port="443",remote_address="203.0.113.9"} 10000.0
        # TYPE tcp_pressure_pool_time_wait gauge
        tcp_pressure_pool_time_wait{direction="nat",local_address="198.51.100.1",\\
            netns="host",port="443",remote_address="203.0.113.9"} 512.0
        # TYPE tcp_pressure_pool_reclaimable gauge
        tcp_pressure_pool_reclaimable{direction="nat",local_address="198.51.100.1",\\
            netns="host",port="443",remote_address="203.0.113.9"} 600.0
        # TYPE tcp_pressure_pools gauge
        tcp_pressure_pools{direction="nat",netns="host"} 2.0
        # TYPE tcp_pressure_pool_ratio_max gauge
        tcp_pressure_pool_ratio_max{direction="nat",netns="host"} 0.625
        # TYPE tcp_pressure_pool_ratio_max_1m gauge
        tcp_pressure_pool_ratio_max_1m{direction="nat",netns="host"} 0.75
        # TYPE tcp_pressure_unlisted_pool_ports_used gauge
        tcp_pressure_unlisted_pool_ports_used{direction="nat",netns="host"} 3.0
        # TYPE tcp_pressure_pool_overflow_sockets gauge
        tcp_pressure_pool_overflow_sockets{direction="nat",netns="host"} 0.0
    """)


@pytest.mark.parametrize("nat", [None, Outcome(0.1, error=SourceError("ctnetlink", "no"))])
def test_nat_absent(nat: Outcome[PoolTable] | None) -> None:
    """If conntrack cannot be asked, the other directions stay as they are."""
    shown = of_namespaces(
        USE_FAMILIES, namespace_sample("host", pools=Outcome(0.1, TABLES), nat=nat)
    )
    assert shown == of_namespaces(
        USE_FAMILIES, namespace_sample("host", pools=Outcome(0.1, TABLES))
    )
    assert 'direction="nat"' not in shown
