"""Finite kernel resources other than ports.

Exposition:

    tcp_pressure_resource_used{netns="host",resource="time_wait_buckets"} 20411.0
    tcp_pressure_resource_used{netns="host",resource="orphans"} 12.0
    tcp_pressure_resource_used{netns="host",resource="memory_bytes"} 708608.0
    tcp_pressure_resource_used{netns="host",resource="conntrack_entries"} 20633.0
    tcp_pressure_resource_limit{netns="host",resource="time_wait_buckets"} 262144.0
    tcp_pressure_resource_limit{netns="host",resource="orphans"} 131072.0
    tcp_pressure_resource_limit{netns="host",resource="memory_bytes"} 2358484992.0
    tcp_pressure_resource_limit{netns="host",resource="conntrack_entries"} 262144.0
"""

from collections.abc import Callable

from tcp_pressure_exporter.collectors.family import Family, RowReader, rows_of
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sample.sample import LIMITS, NamespaceSample


def _per_resource(read: Callable[[Resource], int]) -> RowReader[NamespaceSample]:
    return rows_of(LIMITS, lambda found: [((one.name,), read(one)) for one in found])


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_resource_used",
        "Usage of a finite kernel resource. time_wait_buckets: TIME_WAIT entries of the"
        " namespace, including orphaned FIN_WAIT2 entries. orphans: connections on the whole"
        " host that no process holds any more and that are not yet closed, not counting those"
        " in time_wait_buckets. memory_bytes: buffers of all TCP sockets on the whole host,"
        " accurate to about 1 MiB per CPU. conntrack_entries: connections of all protocols that"
        " the namespace tracks. Resources that the namespace does not show are absent: orphans"
        " and memory_bytes exist only in the host's namespace. Linux only.",
        ("netns", "resource"),
        _per_resource(lambda resource: resource.used),
    ),
    Family(
        "tcp_pressure_resource_limit",
        "Limit of the resource. time_wait_buckets: net.ipv4.tcp_max_tw_buckets; above it the"
        " kernel drops TIME_WAIT entries instead of keeping them. orphans:"
        " net.ipv4.tcp_max_orphans; above it the kernel resets them, and those with a silent"
        " peer from a quarter of it on. memory_bytes: the third number of net.ipv4.tcp_mem, the"
        " hard limit; the kernel is under pressure above the second one. conntrack_entries:"
        " net.netfilter.nf_conntrack_max; above it new connections are dropped.",
        ("netns", "resource"),
        _per_resource(lambda resource: resource.limit),
    ),
)
