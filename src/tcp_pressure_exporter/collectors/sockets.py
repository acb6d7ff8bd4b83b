"""The sockets per family and state.

Exposition:

    tcp_pressure_sockets{netns="host",family="ipv4",state="established"} 182.0
    tcp_pressure_sockets{netns="host",family="ipv4",state="time_wait"} 20411.0
"""

from tcp_pressure_exporter.collectors.family import Family, rows_of
from tcp_pressure_exporter.sample.sample import SOCKETS, NamespaceSample

FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_sockets",
        "TCP sockets by address family on the wire and by state, as sock_diag lists them. A"
        " v4-mapped socket is ipv4; a listener on [::] is one ipv6 socket. The table changes"
        " while it is read, so under churn a socket may be missed, or counted in a state that"
        " it just left. Through psutil, listeners on the same address and port count once, and"
        " BSD and macOS do not show time_wait.",
        ("netns", "family", "state"),
        rows_of(SOCKETS, lambda states: states.items()),
    ),
)
