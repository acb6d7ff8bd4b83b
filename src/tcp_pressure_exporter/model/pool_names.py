"""The fixed ends of pools and listeners, as text."""

from tcp_pressure_exporter.model.nat_pools import NAT
from tcp_pressure_exporter.model.pool_table import ListedPool
from tcp_pressure_exporter.model.pools import INBOUND, OUTBOUND


def pool_name(direction: str, pool: ListedPool) -> str:
    """Write the fixed ends of a pool, the choosing side first."""
    if direction in {OUTBOUND, NAT}:
        return f"{pool.local_address} → {end(pool.remote_address, pool.port)}"
    if direction == INBOUND:
        return f"{pool.remote_address} → {end(pool.local_address, pool.port)}"
    return pool.local_address


def end(address: str, port: str) -> str:
    """Write an address and a port, an IPv6 address in brackets (RFC 3986, section 3.2.2)."""
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
