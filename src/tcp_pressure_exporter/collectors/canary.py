"""The kernel's own verdict on the outbound pools near their limit.

Exposition:

    tcp_pressure_pool_canary_success{netns="host",direction="outbound",local_address="10.0.0.2",
        remote_address="10.0.0.9",port="443"} 1.0
    tcp_pressure_pool_canary_seconds{...} 0.0011
    tcp_pressure_local_ports_hidden_estimate{netns="host"} 512.0
"""

from collections.abc import Callable, Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, RowReader, rows_of
from tcp_pressure_exporter.collectors.pools import POOL_LABELS
from tcp_pressure_exporter.facts.questions import CanaryAnswer
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.sample.sample import CANARY, NamespaceSample


def _per_probe(read: Callable[[CanaryAnswer], float | None]) -> RowReader[NamespaceSample]:
    def rows(report: CanaryReport) -> Iterator[Row]:
        for pool, verdict in report.probes:
            value = read(verdict)
            if value is not None:
                ends = (pool.local_address, pool.remote_address, pool.port)
                yield (OUTBOUND, *ends), value

    return rows_of(CANARY, rows)


def _hidden(report: CanaryReport) -> Iterator[Row]:
    if report.hidden_ports is not None:
        yield (), report.hidden_ports


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_pool_canary_success",
        "1 where the kernel found a local port for a connection of the pool that was then not made,"
        " 0 where it had none (EADDRNOTAVAIL). Only for the three fullest outbound pools that are"
        " 70 % full, hidden ports included; absent where the kernel gave another reason, such as no"
        " route, or where a TIME_WAIT entry would have to be taken over to know. The firewall is"
        " not asked. Linux only.",
        POOL_LABELS,
        _per_probe(lambda verdict: verdict.success),
    ),
    Family(
        "tcp_pressure_pool_canary_seconds",
        "Seconds that the kernel searched for that port: what each connect() of the pool now takes"
        " in addition. Absent where single ports were asked for, as tcp_tw_reuse makes necessary.",
        POOL_LABELS,
        _per_probe(lambda verdict: verdict.seconds),
    ),
    Family(
        "tcp_pressure_local_ports_hidden_estimate",
        "Estimate of the usable local ports held by sockets that were bound before they connected:"
        " closed to every connect(), not told by sock_diag, so not part of"
        " tcp_pressure_pool_ports_used. From 64 ports asked at each sample, over 12 samples; in"
        " experiments 95 of 100 were wrong by less than 2 % of the usable ports. Only while an"
        " outbound or source pool is 30 % full; kernels before 6.3 cannot be asked. Absent where"
        " tcp_pressure_local_ports_hidden tells them exactly.",
        ("netns",),
        rows_of(CANARY, _hidden),
    ),
)
