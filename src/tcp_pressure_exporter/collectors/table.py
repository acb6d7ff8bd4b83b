"""The table of collectors: a new one is one file and one line here."""

from collections.abc import Mapping
from dataclasses import dataclass

from tcp_pressure_exporter.collectors import (
    canary,
    close_wait,
    findings,
    kernel_events,
    limits,
    listen_queues,
    local_ports,
    pool_owners,
    pools,
    sockets,
    sysctls,
)
from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.sample.sample import NamespaceSample


@dataclass(frozen=True, slots=True)
class CollectorEntry:
    """A subject that can be switched off: what it is about, and its metric families."""

    description: str
    families: tuple[Family[NamespaceSample], ...]


COLLECTORS: Mapping[str, CollectorEntry] = {
    "sockets": CollectorEntry("sockets per family and state", sockets.FAMILIES),
    "local_ports": CollectorEntry("the local port range and its use", local_ports.FAMILIES),
    "pools": CollectorEntry("port pools: the fullest, totals, forecast", pools.FAMILIES),
    # Its rows are in the families of the pools.
    "nat": CollectorEntry("port pools of a NAT gateway, from conntrack", ()),
    "canary": CollectorEntry("the kernel's verdict on pools near their limit", canary.FAMILIES),
    "pool_owners": CollectorEntry("whose sockets are in these pools", pool_owners.FAMILIES),
    "close_wait": CollectorEntry("CLOSE_WAIT by cause, age and owner", close_wait.FAMILIES),
    "listen_queues": CollectorEntry("accept queues of listeners", listen_queues.FAMILIES),
    "limits": CollectorEntry("finite kernel resources", limits.FAMILIES),
    "kernel_events": CollectorEntry("the kernel's counters", kernel_events.FAMILIES),
    "sysctls": CollectorEntry("settings that decide TCP pressure", sysctls.FAMILIES),
    "findings": CollectorEntry("advice: settings that harm or do nothing", findings.FAMILIES),
}
