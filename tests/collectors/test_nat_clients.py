from tcp_pressure_exporter.collectors.nat_clients import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.table import ClientPorts, ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

KEY = PoolKey(b"", b"", b"")


def listed(remote: str, *clients: ClientPorts) -> ListedPool:
    return ListedPool(
        KEY, "203.0.113.7", remote, "443", Usage(9, 10, 0, 0), outlook=None, clients=clients
    )


def test_golden() -> None:
    """Each reported client has its ports; a pool without clients is absent."""
    pools = (
        listed("198.51.100.9", ClientPorts("10.0.0.17", 4012), ClientPorts("2001:db8::7", 3)),
        listed("198.51.100.10"),
    )
    table = PoolTable(2, 0.9, 0.9, pools, 0, 0, None)
    assert of_namespaces(FAMILIES, namespace_sample("host", nat=Outcome(0.1, table))) == golden("""
        # TYPE tcp_pressure_nat_pool_client_ports_used gauge
        tcp_pressure_nat_pool_client_ports_used{client="10.0.0.17",direction="nat",\\
            local_address="203.0.113.7",netns="host",port="443",\\
            remote_address="198.51.100.9"} 4012.0
        tcp_pressure_nat_pool_client_ports_used{client="2001:db8::7",direction="nat",\\
            local_address="203.0.113.7",netns="host",port="443",\\
            remote_address="198.51.100.9"} 3.0
    """)
