"""What this kernel was found to do, where kernels differ in how they manage TCP ports.

Distributions backport features to older kernels, so no field but `ends_closed_flows` is inferred
from a version number.
"""

from typing import NamedTuple


class KernelModel(NamedTuple):
    """What the running kernel does; None where it cannot be asked.

    release: the name it gives itself. tick_ms: the step of its timers, 1000 ÷ HZ.
    shows_bound_only: sock_diag shows sockets that are only bound (Linux 6.8, net/ipv4/inet_diag.c).
    If it does not, only the table of bound ports tells what they block.
    asks_single_ports: a socket can be given its own port range (IP_LOCAL_PORT_RANGE, 6.3). If not,
    the exporter does not ask about hidden ports, nor whether connect() takes over ports in
    TIME_WAIT.
    frees_bound_ports: a port is free for connect() as soon as the socket that bound it is closed
    (6.18, net/ipv4/inet_hashtables.c). On other kernels it is free only when no socket has the port
    any more, so more ports are hidden.
    reuse_delay_ms: tcp_tw_reuse_delay (6.14); None where an entry may be taken over as soon as the
    kernel's clock reaches the next whole second.
    time_wait_ms: how long TIME_WAIT lasts: 60 s, or tcp_tw_timeout where a kernel has it.
    time_wait_batch_ms: how much longer an entry may keep its port, because of the timers' step.
    step_width: ip_local_port_step_width (7.1), the step of the port search; None and 0 mean steps
    of two. Whatever the step, the search may miss one port of a range with an odd number of ports.
    own_table: the namespace has a table of connections of its own (tcp_child_ehash_entries, 6.1);
    None on kernels that do not have such tables.
    ends_closed_flows: conntrack ends a connection that is over for a new one that finds no port
    (6.5). Testing that would take NAT rules, so this is inferred from the release.
    """

    release: str
    tick_ms: float
    shows_bound_only: bool | None
    asks_single_ports: bool | None
    frees_bound_ports: bool | None
    reuse_delay_ms: int | None
    time_wait_ms: int | None
    time_wait_batch_ms: float | None
    step_width: int | None
    own_table: bool | None
    ends_closed_flows: bool


class Identity(NamedTuple):
    """Where a process runs.

    boot: derived from the kernel's boot id: the same for all processes on a host until it restarts,
    and different on every other host. network_namespace: its inode number, unique on the host.
    """

    boot: str
    network_namespace: int
