"""Finite resources of the kernel beside ports.

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
        "Use of a finite kernel resource. time_wait_buckets: the namespace's TIME_WAIT entries,"
        " orphaned FIN_WAIT2 entries included. orphans: connections of the whole host that no"
        " process holds any more and that are not yet closed, those in time_wait_buckets excluded."
        " memory_bytes: buffers of all TCP sockets of the whole host, right to about 1 MiB per CPU."
        " conntrack_entries: connections of all protocols that the namespace tracks. What the"
        " namespace does not show is absent: orphans and memory_bytes are in the host's alone."
        " Linux only.",
        ("netns", "resource"),
        _per_resource(lambda resource: resource.used),
    ),
    Family(
        "tcp_pressure_resource_limit",
        "Limit of the resource. time_wait_buckets: net.ipv4.tcp_max_tw_buckets, beyond which the"
        " kernel drops TIME_WAIT entries instead of keeping them. orphans:"
        " net.ipv4.tcp_max_orphans, beyond which it resets them; those whose peer is silent"
        " already from a quarter of it on. memory_bytes: the third number of net.ipv4.tcp_mem,"
        " the hard limit; above the second one the kernel is already under pressure."
        " conntrack_entries: net.netfilter.nf_conntrack_max, beyond which new connections are"
        " dropped.",
        ("netns", "resource"),
        _per_resource(lambda resource: resource.limit),
    ),
)
