"""The table of collectors: a new one is one file and one line here."""

from collections.abc import Mapping
from dataclasses import dataclass

from tcp_pressure_exporter.collectors import canary, churn, limits, local_ports, pools, sockets
from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.model.sample import NamespaceSample


@dataclass(frozen=True, slots=True)
class CollectorEntry:
    """A subject that can be switched off: what it is about, and its metric families."""

    description: str
    families: tuple[Family[NamespaceSample], ...]


COLLECTORS: Mapping[str, CollectorEntry] = {
    "sockets": CollectorEntry("sockets per family and state", sockets.FAMILIES),
    "local_ports": CollectorEntry("the local port range and its use", local_ports.FAMILIES),
    "pools": CollectorEntry(
        "port pools: the fullest, totals, forecast", (*pools.FAMILIES, *churn.FAMILIES)
    ),
    "canary": CollectorEntry("the kernel's verdict on pools near their limit", canary.FAMILIES),
    "limits": CollectorEntry("finite kernel resources", limits.FAMILIES),
}
