"""The table of collectors: for each, its part of a sample and its families of metrics.

A new collector is a key and a value in sample/, a part in sampling/parts/, families in collectors/,
and one row here.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Any, NamedTuple

from tcp_pressure_exporter.collectors import (
    active_closes,
    canary,
    close_wait,
    failures,
    findings,
    kernel_events,
    limits,
    listen_queues,
    local_ports,
    nat_clients,
    pool_owners,
    pools,
    sockets,
    sysctls,
)
from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.sample.sample import (
    ACTIVE_CLOSES,
    CANARY,
    CLOSE_WAIT,
    FINDINGS,
    KERNEL_EVENTS,
    LIMITS,
    LISTEN_QUEUES,
    LOCAL_PORTS,
    NAT_POOLS,
    POOL_OWNERS,
    POOLS,
    PORT_FAILURES,
    SOCKETS,
    SYSCTLS,
    Key,
    NamespaceSample,
)
from tcp_pressure_exporter.sampling.parts.active_closes import active_closes_part
from tcp_pressure_exporter.sampling.parts.canary import canary_part
from tcp_pressure_exporter.sampling.parts.close_wait import close_wait_part
from tcp_pressure_exporter.sampling.parts.failures import failures_part
from tcp_pressure_exporter.sampling.parts.findings import findings_part
from tcp_pressure_exporter.sampling.parts.kernel_events import kernel_events_part
from tcp_pressure_exporter.sampling.parts.limits import limits_part
from tcp_pressure_exporter.sampling.parts.listen_queues import listen_queues_part
from tcp_pressure_exporter.sampling.parts.local_ports import local_ports_part
from tcp_pressure_exporter.sampling.parts.nat import nat_part
from tcp_pressure_exporter.sampling.parts.part import MakePart
from tcp_pressure_exporter.sampling.parts.pool_owners import pool_owners_part
from tcp_pressure_exporter.sampling.parts.pools import pools_part
from tcp_pressure_exporter.sampling.parts.sockets import sockets_part
from tcp_pressure_exporter.sampling.parts.sysctls import sysctls_part
from tcp_pressure_exporter.sampling.sampler import Wanted


class Collector(NamedTuple):
    """A subject that can be switched off.

    description: what --help says. own_alone: not for other namespaces, where it would cost another
    walk over a table of the whole host, or take a port. judged: whether the verdict depends on it,
    so that the report wants it.
    """

    key: Key[Any]
    description: str
    make: MakePart
    families: tuple[Family[NamespaceSample], ...]
    own_alone: bool = False
    judged: bool = True

    @property
    def wanted(self) -> Wanted:
        """The part, in the form that the sampler wants."""
        return Wanted(self.make, self.own_alone)


ROWS = (
    Collector(SOCKETS, "sockets by family and state", sockets_part, sockets.FAMILIES, judged=False),
    Collector(
        LOCAL_PORTS,
        "the local port range and its use",
        local_ports_part,
        local_ports.FAMILIES,
    ),
    Collector(POOLS, "port pools: the fullest, totals, forecast", pools_part, pools.FAMILIES),
    # Both before the gateway's pools, which give way to them.
    Collector(
        ACTIVE_CLOSES,
        "who closes first and so leaves the TIME_WAIT of the fullest pools",
        active_closes_part,
        active_closes.FAMILIES,
    ),
    Collector(
        PORT_FAILURES,
        "calls that found no local port, and their callers",
        failures_part,
        failures.FAMILIES,
    ),
    # Its rows are in the families of the pools.
    Collector(
        NAT_POOLS,
        "port pools of a NAT gateway, from conntrack",
        nat_part,
        nat_clients.FAMILIES,
        own_alone=True,
    ),
    Collector(
        CANARY,
        "the kernel's verdict on pools near their limit",
        canary_part,
        canary.FAMILIES,
        own_alone=True,
    ),
    Collector(
        POOL_OWNERS,
        "owners of the sockets in these pools",
        pool_owners_part,
        pool_owners.FAMILIES,
        own_alone=True,
    ),
    Collector(
        CLOSE_WAIT, "CLOSE_WAIT by cause, age and owner", close_wait_part, close_wait.FAMILIES
    ),
    Collector(
        LISTEN_QUEUES, "accept queues of listeners", listen_queues_part, listen_queues.FAMILIES
    ),
    Collector(LIMITS, "finite kernel resources", limits_part, limits.FAMILIES),
    Collector(
        KERNEL_EVENTS,
        "the kernel's counters",
        kernel_events_part,
        kernel_events.FAMILIES,
        judged=False,
    ),
    Collector(SYSCTLS, "settings that affect TCP pressure", sysctls_part, sysctls.FAMILIES),
    Collector(
        FINDINGS,
        "harmful settings, dropped connections",
        findings_part,
        findings.FAMILIES,
    ),
)
COLLECTORS: Mapping[str, Collector] = {row.key.name: row for row in ROWS}


def wanted_parts(names: Collection[str]) -> dict[Key[Any], Wanted]:
    """Return the parts of the collectors that are on."""
    return {row.key: row.wanted for row in ROWS if row.key.name in names}


def all_families() -> Iterator[Family[NamespaceSample]]:
    """Yield the families of all collectors, whether they are on or off."""
    for row in ROWS:
        yield from row.families
