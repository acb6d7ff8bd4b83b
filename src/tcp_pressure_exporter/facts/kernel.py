"""How kernels differ in what decides TCP ports: what this one was found to do.

Distributions put what is newer into older kernels: so no field but `ends_closed_flows` follows from
a version number.
"""

from typing import NamedTuple


class KernelModel(NamedTuple):
    """What the running kernel does; None where it cannot be asked.

    release: its own name for itself. tick_ms: the step of its timers, 1000 ÷ HZ.
    shows_bound_only: sock_diag shows sockets that are bound and no more (Linux 6.8,
    net/ipv4/inet_diag.c). Else the table of bound ports alone tells what they block.
    asks_single_ports: a socket can be told its port range (IP_LOCAL_PORT_RANGE, 6.3). Else hidden
    ports, and whether TIME_WAIT is given back, are not asked about.
    frees_bound_ports: a port is free for connect() as soon as the socket that bound it is closed
    (6.18, net/ipv4/inet_hashtables.c); else only when no socket has the port any more, so that more
    ports are hidden.
    reuse_delay_ms: tcp_tw_reuse_delay (6.14); None where an entry may be taken over from the next
    whole second of the kernel's clock on.
    time_wait_ms: how long TIME_WAIT lasts: 60 s, or tcp_tw_timeout where a kernel has it.
    time_wait_batch_ms: how long an entry may keep its port beyond that, by the timers' step.
    step_width: ip_local_port_step_width (7.1), in which the port search goes; None and 0: in twos.
    Whichever it is, a range of an odd number of ports may miss one.
    own_table: the namespace has a table of connections of its own (tcp_child_ehash_entries, 6.1);
    None before there were any.
    ends_closed_flows: conntrack ends a connection that is over for a new one that finds no port
    (6.5). It cannot be tried out without rules of one's own, so the release has to tell.
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

    boot: made of the kernel's boot id: the same for all processes of a host until it restarts, and
    no other host has it. network_namespace: its inode number, unique on the host.
    """

    boot: str
    network_namespace: int
