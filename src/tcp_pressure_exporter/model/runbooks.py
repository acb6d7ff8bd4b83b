"""Where the whole advice is, for what an assessment speaks of: files below the project's root."""

from tcp_pressure_exporter.model.nat_pools import NAT
from tcp_pressure_exporter.model.pools import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.model.thresholds import LISTEN_QUEUE

CLOSE_WAIT = "docs/runbooks/stuck.md#tcppressureclosewaitleak"
_PRESSURES = {
    OUTBOUND: "docs/runbooks/pools.md#tcppressurepoolhigh",
    SOURCE: "docs/runbooks/pools.md#tcppressuresourcepoolhigh",
    INBOUND: "docs/runbooks/inbound.md#tcppressureinboundpoolhigh",
    NAT: "docs/runbooks/nat.md#tcppressurenatpoolhigh",
    LISTEN_QUEUE: "docs/runbooks/inbound.md#tcppressurelistenqueuehigh",
    "time_wait_buckets": "docs/runbooks/limits.md#tcppressuretimewaitbucketshigh",
    "orphans": "docs/runbooks/limits.md#tcppressureorphanshigh",
    "memory_bytes": "docs/runbooks/limits.md#tcppressurememoryhigh",
    "conntrack_entries": "docs/runbooks/nat.md#tcppressureconntrackhigh",
}


def pressure_runbook(kind: str) -> str:
    """Return the runbook of a resource of a kind of model/thresholds.py."""
    return _PRESSURES[kind]
