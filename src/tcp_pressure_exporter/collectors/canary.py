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
        "1 if the kernel found a local port for a new connection of the pool (which is then"
        " not made), 0 if it had none (EADDRNOTAVAIL). Only for the three fullest outbound"
        " pools that are at least 70 % full, counting hidden ports. Absent if the kernel gave"
        " another reason, such as no route, or if the answer would take over a TIME_WAIT entry."
        " The firewall is not asked. Linux only.",
        POOL_LABELS,
        _per_probe(lambda verdict: verdict.success),
    ),
    Family(
        "tcp_pressure_pool_canary_seconds",
        "Seconds that the kernel spent searching for that port: the delay that each connect()"
        " of the pool now has. Absent when single ports were tried, which tcp_tw_reuse makes"
        " necessary.",
        POOL_LABELS,
        _per_probe(lambda verdict: verdict.seconds),
    ),
    Family(
        "tcp_pressure_local_ports_hidden_estimate",
        "Estimated number of usable local ports held by sockets that were bound before they"
        " connected. No connect() can use them, sock_diag does not show them, and"
        " tcp_pressure_pool_ports_used does not include them. Based on 64 ports probed per"
        " sample, over 12 samples; in experiments 95 of 100 estimates were within 2 % of the"
        " usable ports. Only while an outbound or source pool is at least 30 % full, and only"
        " since Linux 6.3. Absent where tcp_pressure_local_ports_hidden has the exact number.",
        ("netns",),
        rows_of(CANARY, _hidden),
    ),
)
