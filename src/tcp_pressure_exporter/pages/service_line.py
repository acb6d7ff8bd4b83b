"""One line for `systemctl status`: what is closest to its limit."""

import math

from tcp_pressure_exporter.escaping import escape_controls
from tcp_pressure_exporter.pools.table import ListedPool, pool_name
from tcp_pressure_exporter.sample.sample import Sample


def status_line(sample: Sample) -> str:
    """Return the fullest listed pool of all namespaces, with what is left; control-free."""
    pools = sample.namespaces[0].pools
    if pools and pools.error:
        return escape_controls(f"Cannot read the port pools: {pools.error}")
    listed = [
        (pool.usage.ratio, namespace.netns, direction, pool)
        for namespace in sample.namespaces
        for direction, table in namespace.pool_tables().items()
        for pool in table.listed
    ]
    if not listed:
        return "No port pool is near its limit"
    _ratio, netns, direction, pool = max(listed, key=lambda entry: entry[0])
    where = "" if netns == sample.namespaces[0].netns else f" in {netns}"
    name = f"{direction} {pool_name(direction, pool)}{where}"
    return escape_controls(f"Fullest port pool: {name} is {_fullness(pool)}")


def _fullness(pool: ListedPool) -> str:
    # Rounded down: only what is full is 100 %.
    share = f"{math.floor(pool.usage.ratio * 100)} % full"
    left = pool.outlook.exhaustion_seconds if pool.outlook else math.inf
    return share if math.isinf(left) or pool.usage.ratio >= 1 else f"{share} and lasts {left:.0f} s"
