"""Who closes first, and so leaves TIME_WAIT.

Exposition:

    tcp_pressure_pool_active_closes_total{netns="host",direction="outbound",
        local_address="10.0.0.2",remote_address="10.0.0.9",port="443",service="proxy.service",
        process="envoy"} 190322.0
    tcp_pressure_unlisted_pool_active_closes_total{netns="host",direction="outbound"} 31.0
    tcp_pressure_unlisted_pool_active_closes_total{netns="host",direction="inbound"} 0.0
"""

from collections.abc import Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, rows_of
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, NamespaceSample


def _listed(found: ActiveCloses) -> Iterator[Row]:
    for (pool, owner), count in found.listed.items():
        yield (*pool, owner.service, owner.process), count


def _unlisted(found: ActiveCloses) -> Iterator[Row]:
    for direction, count in found.unlisted.items():
        yield (direction,), count


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_active_closes_total",
        "Connections of the pool that this end closed first, so their TIME_WAIT is here, by"
        " systemd unit or container and by process. Counted since the exporter's start (in"
        " another namespace: since its first sample) or since this closer was listed. Exact,"
        " but a connection that is reset after its FIN counts although it leaves no TIME_WAIT."
        " Shows the closers with the most recent closes in the fullest pools; when one is"
        " dropped from the list, its count moves into"
        " tcp_pressure_unlisted_pool_active_closes_total, and it restarts at 0 if it returns."
        " Needs CAP_BPF and CAP_PERFMON, or root.",
        (
            *("netns", "direction", "local_address", "remote_address", "port"),
            *("service", "process"),
        ),
        rows_of(ACTIVE_CLOSES, _listed),
        "counter",
    ),
    Family(
        "tcp_pressure_unlisted_pool_active_closes_total",
        "Connections that this end closed first, by closers and in pools that are not listed.",
        ("netns", "direction"),
        rows_of(ACTIVE_CLOSES, _unlisted),
        "counter",
    ),
)
