"""The local port range: what the kernel may choose for connect() and bind(port 0).

Exposition:

    tcp_pressure_local_port_range_low{netns="host"} 32768.0
    tcp_pressure_local_port_range_high{netns="host"} 60999.0
    tcp_pressure_local_ports_reserved{netns="host"} 0.0
    tcp_pressure_local_ports_usable{netns="host"} 28232.0
    tcp_pressure_local_ports_used{netns="host"} 20593.0
    tcp_pressure_listeners_in_local_port_range{netns="host"} 1.0
    tcp_pressure_local_ports_hidden{netns="host"} 512.0
    tcp_pressure_local_ports_blocked_owner_ports{netns="host",service="",process="agent"} 15000.0
    tcp_pressure_time_wait_hold_seconds{netns="host"} 62.048
"""

from collections.abc import Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, rows_of, value_of
from tcp_pressure_exporter.facts.sockets import NOBODY
from tcp_pressure_exporter.findings.kinds import CROWDED
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.sample.sample import LOCAL_PORTS, NamespaceSample


def _foremost(ports: LocalPorts) -> tuple[OwnerCount, ...]:
    if ports.blocked_ratio < CROWDED:
        return ()
    return ports.owners[:1] or (OwnerCount(NOBODY, ports.blocked),)


def _hold(ports: LocalPorts) -> Iterator[Row]:
    if ports.time_wait_hold is not None:
        yield (), ports.time_wait_hold


def _hidden(ports: LocalPorts) -> Iterator[Row]:
    if ports.hidden is not None:
        yield (), ports.hidden


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_local_port_range_low",
        "Lowest port of net.ipv4.ip_local_port_range, or of its equivalent on another system.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.low),
    ),
    Family(
        "tcp_pressure_local_port_range_high",
        "Highest port of net.ipv4.ip_local_port_range, or of its equivalent on another system.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.high),
    ),
    Family(
        "tcp_pressure_local_ports_reserved",
        "Ports in the range that cannot be chosen because of net.ipv4.ip_local_reserved_ports,"
        " or of an excluded port range on Windows.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.reserved),
    ),
    Family(
        "tcp_pressure_local_ports_usable",
        "Ports that the kernel may choose: the range without the reserved ports.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.usable),
    ),
    Family(
        "tcp_pressure_local_ports_used",
        "Distinct usable ports held by any socket, in any state, to any destination. This is"
        " not the use of one pool: different destinations can share a port.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.used),
    ),
    Family(
        "tcp_pressure_listeners_in_local_port_range",
        "Distinct usable ports that a service listens on. When the service restarts, an"
        " outgoing connection may hold its port.",
        ("netns",),
        value_of(LOCAL_PORTS, lambda ports: ports.listeners),
    ),
    Family(
        "tcp_pressure_local_ports_hidden",
        "Usable ports that connect() cannot choose for any destination, because a socket was"
        " bound there before it connected. Exact, read from the kernel's table of bound ports,"
        " and included in tcp_pressure_pool_ports_used. Replaces"
        " tcp_pressure_local_ports_hidden_estimate where the exporter has CAP_BPF and"
        " CAP_PERFMON, or is root, on Linux 6.1 or later. A port bound in a VRF counts too.",
        ("netns",),
        rows_of(LOCAL_PORTS, _hidden),
    ),
    Family(
        "tcp_pressure_local_ports_blocked_owner_ports",
        "Usable ports that connect() cannot choose for any destination, because a socket of"
        " this owner is bound to them or listens on them. Shows the owner with the most, and"
        " only if half of all ports or more are blocked. Up to 60 s old. If no owner is known,"
        " both labels are empty and the value is the number of all blocked ports. process is"
        " empty where the exporter is not permitted to look, or has not looked yet.",
        ("netns", "service", "process"),
        rows_of(LOCAL_PORTS, _foremost),
    ),
    Family(
        "tcp_pressure_time_wait_hold_seconds",
        "Longest time in seconds that a closed connection keeps its port if nothing takes it"
        " over: the length of TIME_WAIT plus the batch in which the kernel's timers expire. On"
        " Linux 60, net.ipv4.tcp_tw_timeout, or more if entries show more, plus a batch of up"
        " to 5.12 s that depends on the kernel's HZ. After a longer setting was shortened, the"
        " longer one applies until its entries are gone.",
        ("netns",),
        rows_of(LOCAL_PORTS, _hold),
    ),
)
