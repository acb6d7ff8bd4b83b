"""Finite resources of the kernel beside ports.

Exposition:

    tcp_pressure_resource_used{netns="host",resource="time_wait_buckets"} 20411.0
    tcp_pressure_resource_limit{netns="host",resource="time_wait_buckets"} 262144.0
"""

from collections.abc import Callable, Iterable

from tcp_pressure_exporter.collectors.family import Family, Row
from tcp_pressure_exporter.model.sample import NamespaceSample, Resource


def _per_resource(read: Callable[[Resource], int]) -> Callable[[NamespaceSample], Iterable[Row]]:
    def rows(sample: NamespaceSample) -> Iterable[Row]:
        resources = sample.limits.value if sample.limits else None
        for resource in resources or ():
            yield (resource.name,), read(resource)

    return rows


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_resource_used",
        "Use of a finite kernel resource. time_wait_buckets: TIME_WAIT entries as"
        " /proc/net/sockstat counts them, orphaned FIN_WAIT2 entries included.",
        ("netns", "resource"),
        _per_resource(lambda resource: resource.used),
    ),
    Family(
        "tcp_pressure_resource_limit",
        "Limit of the resource. time_wait_buckets: net.ipv4.tcp_max_tw_buckets, beyond which the"
        " kernel drops TIME_WAIT entries instead of keeping them.",
        ("netns", "resource"),
        _per_resource(lambda resource: resource.limit),
    ),
)
