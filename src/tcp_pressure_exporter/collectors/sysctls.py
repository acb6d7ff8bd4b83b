"""The settings that determine when TCP comes under pressure.

Exposition:

    tcp_pressure_sysctl{netns="host",name="tcp_tw_reuse"} 2.0
    tcp_pressure_sysctl{netns="host",name="tcp_fin_timeout"} 60.0
"""

from tcp_pressure_exporter.collectors.family import Family, rows_of
from tcp_pressure_exporter.sample.sample import SYSCTLS, NamespaceSample

FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_sysctl",
        "Settings as the network namespace shows them. name is the last part of the sysctl's"
        " name (net.ipv4, net.core or net.netfilter), and the unit is the kernel's. Settings"
        " that the kernel does not have, or shows only in the host's namespace, are absent."
        " docs/metrics.md says what each one means, docs/platforms.md lists those of other"
        " systems.",
        ("netns", "name"),
        rows_of(SYSCTLS, lambda values: [((name,), value) for name, value in values.items()]),
    ),
)
