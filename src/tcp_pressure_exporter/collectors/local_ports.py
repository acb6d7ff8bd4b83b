"""The local port range: what the kernel may choose for connect() and bind(port 0).

Exposition:

    tcp_pressure_local_port_range_low{netns="host"} 32768.0
    tcp_pressure_local_port_range_high{netns="host"} 60999.0
    tcp_pressure_local_ports_reserved{netns="host"} 0.0
    tcp_pressure_local_ports_usable{netns="host"} 28232.0
    tcp_pressure_local_ports_used{netns="host"} 20593.0
    tcp_pressure_listeners_in_local_port_range{netns="host"} 1.0
"""

from tcp_pressure_exporter.collectors.family import Family, value_of
from tcp_pressure_exporter.sample.sample import LOCAL_PORTS, NamespaceSample

FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_local_port_range_low",
        "Lowest port of net.ipv4.ip_local_port_range, or of what another system has for it.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.low),
    ),
    Family(
        "tcp_pressure_local_port_range_high",
        "Highest port of net.ipv4.ip_local_port_range, or of what another system has for it.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.high),
    ),
    Family(
        "tcp_pressure_local_ports_reserved",
        "Ports inside the range that net.ipv4.ip_local_reserved_ports, or an excluded port range of"
        " Windows, keeps from being chosen.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.reserved),
    ),
    Family(
        "tcp_pressure_local_ports_usable",
        "Ports of the range that the kernel may choose: the range without the reserved ports.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.usable),
    ),
    Family(
        "tcp_pressure_local_ports_used",
        "Distinct usable ports that any socket holds, in any state, towards any destination. Not"
        " the use of one pool: different destinations share a port.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.used),
    ),
    Family(
        "tcp_pressure_listeners_in_local_port_range",
        "Distinct usable ports that a service listens on: an outgoing connection may hold the port"
        " when the service restarts.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.listeners),
    ),
)
