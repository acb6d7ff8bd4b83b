import math

import pytest

from tcp_pressure_exporter.collectors.pools import CHURN_FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.table import Churn, ListedPool, PoolTable, PoolTables
from tcp_pressure_exporter.pools.usage import Usage
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

KEY = PoolKey(b"", b"", b"")
USAGE = Usage(21174, 28232, 20402, 0)
TABLES = {
    "outbound": PoolTable(
        count=41,
        ratio_max=0.75,
        ratio_max_1m=0.875,
        listed=(
            ListedPool(KEY, "10.0.0.2", "10.0.0.9", "443", USAGE, 120411,
                       Outlook(38.25, 0.9375, 454.5, 512)),
            ListedPool(KEY, "::1", "lb", "80", USAGE, 0, Outlook(math.inf, 0.0, 28232.0, 0)),
        ),
        unlisted_ports_used=55,
        overflow_sockets=0,
        churn=Churn(190322, 530, 38.25),
    ),
    "inbound": PoolTable(0, 0.0, 0.0, (), 0, 0, Churn(0, 0, math.inf)),
    "source": PoolTable(
        1, 0.5, 0.5, (ListedPool(KEY, "10.0.0.2", "", "", USAGE, 0),), 0, 0
    ),
}  # fmt: skip


def test_golden() -> None:
    """Listed pools and directions show their closes; those of source pools are not known."""
    sample = namespace_sample("host", pools=Outcome(0.1, TABLES))
    assert of_namespaces(CHURN_FAMILIES, sample) == golden("""
        # TYPE tcp_pressure_pool_time_wait_entered_total counter
        tcp_pressure_pool_time_wait_entered_total{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 120411.0
        tcp_pressure_pool_time_wait_entered_total{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} 0.0
        # TYPE tcp_pressure_pool_closes_per_second_max_1m gauge
        tcp_pressure_pool_closes_per_second_max_1m{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 512.0
        tcp_pressure_pool_closes_per_second_max_1m{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} 0.0
        # TYPE tcp_pressure_pool_sustainable_closes_per_second gauge
        tcp_pressure_pool_sustainable_closes_per_second{direction="outbound",\\
            local_address="10.0.0.2",netns="host",port="443",remote_address="10.0.0.9"} 454.5
        tcp_pressure_pool_sustainable_closes_per_second{direction="outbound",\\
            local_address="::1",netns="host",port="80",remote_address="lb"} 28232.0
        # TYPE tcp_pressure_pool_steady_state_ratio gauge
        tcp_pressure_pool_steady_state_ratio{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 0.9375
        tcp_pressure_pool_steady_state_ratio{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} 0.0
        # TYPE tcp_pressure_pool_exhaustion_seconds gauge
        tcp_pressure_pool_exhaustion_seconds{direction="outbound",local_address="10.0.0.2",\\
            netns="host",port="443",remote_address="10.0.0.9"} 38.25
        tcp_pressure_pool_exhaustion_seconds{direction="outbound",local_address="::1",\\
            netns="host",port="80",remote_address="lb"} +Inf
        # TYPE tcp_pressure_time_wait_entered_total counter
        tcp_pressure_time_wait_entered_total{direction="outbound",netns="host"} 190322.0
        tcp_pressure_time_wait_entered_total{direction="inbound",netns="host"} 0.0
        # TYPE tcp_pressure_closes_per_second_max_1m gauge
        tcp_pressure_closes_per_second_max_1m{direction="outbound",netns="host"} 530.0
        tcp_pressure_closes_per_second_max_1m{direction="inbound",netns="host"} 0.0
        # TYPE tcp_pressure_pool_exhaustion_seconds_min gauge
        tcp_pressure_pool_exhaustion_seconds_min{direction="outbound",netns="host"} 38.25
        tcp_pressure_pool_exhaustion_seconds_min{direction="inbound",netns="host"} +Inf
    """)


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("range", "absent"))])
def test_absent(outcome: Outcome[PoolTables] | None) -> None:
    """If a source failed, or the collector is off, nothing is shown, not even zero."""
    assert "{" not in of_namespaces(CHURN_FAMILIES, namespace_sample("host", pools=outcome))


def test_nat() -> None:
    """NAT pools have no row: conntrack does not show when a connection was closed."""
    listed = (ListedPool(KEY, "198.51.100.1", "203.0.113.9", "443", USAGE),)
    sample = namespace_sample("host", nat=Outcome(0.1, PoolTable(1, 0.75, 0.75, listed, 0, 0)))
    assert "{" not in of_namespaces(CHURN_FAMILIES, sample)
