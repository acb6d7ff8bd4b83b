"""What the kernel tells of one TCP socket: its state, its owner, what it is bound to.

Source: include/net/tcp_states.h for the states.
"""

from typing import NamedTuple

TCP_ESTABLISHED = 1
TCP_SYN_RECV = 3
TCP_TIME_WAIT = 6
TCP_CLOSE = 7
TCP_CLOSE_WAIT = 8
TCP_LISTEN = 10
TCP_BOUND_INACTIVE = 13  # bound, neither listening nor connected: Linux 6.8 and later

# The names node_exporter uses, in the kernel's numbering (include/net/tcp_states.h).
STATE_NAMES = {
    TCP_ESTABLISHED: "established",
    2: "syn_sent",
    TCP_SYN_RECV: "syn_recv",
    4: "fin_wait1",
    5: "fin_wait2",
    TCP_TIME_WAIT: "time_wait",
    TCP_CLOSE: "close",
    TCP_CLOSE_WAIT: "close_wait",
    9: "last_ack",
    TCP_LISTEN: "listen",
    11: "closing",
}


class SocketId(NamedTuple):
    """What leads to the owner of a live socket.

    inode: of its file descriptors, 0 where no process has one. cgroup_id: the inode number of the
    cgroup2 directory of the process that made it, None where the kernel does not tell.
    """

    inode: int
    cgroup_id: int | None


UNKNOWN_SOCKET = SocketId(0, None)


class OpenFiles(NamedTuple):
    """The descriptors that a process has open, and how many it may have (RLIMIT_NOFILE, soft)."""

    open: int
    limit: int


class Owner(NamedTuple):
    """Whose a socket is; a part that is not known is "".

    service: as sources/owners/cgroups.py names it. process: its name. Both are whatever somebody
    chose: any Unicode text, control characters included.
    """

    service: str = ""
    process: str = ""


NOBODY = Owner()


class BoundSocket(NamedTuple):
    """One entry; `address` as in facts/addresses.py, `ipv6_only` the socket's IPV6_V6ONLY.

    queue_used, queue_limit: of a listening socket, connections that wait to be accepted, and how
    many may; the limit is None where nothing tells the queues. Source: net/ipv4/tcp_diag.c,
    tcp_diag_get_info, sk_ack_backlog and sk_max_ack_backlog.
    scope: the index of the device that it is bound to (SO_BINDTODEVICE, a VRF, a link-local
    address), 0 where to none: idiag_if.
    """

    address: bytes
    port: int
    listening: bool
    ipv6_only: bool
    queue_used: int = 0
    queue_limit: int | None = None
    owner_id: SocketId = UNKNOWN_SOCKET
    scope: int = 0


class PortSocket(NamedTuple):
    """A socket that holds a local port; its addresses as in facts/addresses.py.

    state: by the kernel's number; TCP_BOUND_INACTIVE of one that is bound and no more.
    remote_address, remote_port: of nobody where it is not connected.
    seconds_left: until TIME_WAIT, or FIN_WAIT2 without an owner, is over; None for other sockets.
    scope: as BoundSocket's.
    """

    state: int
    address: bytes
    port: int
    remote_address: bytes
    remote_port: int
    owner_id: SocketId
    seconds_left: float | None = None
    scope: int = 0


class RemoteEnd(NamedTuple):
    """A remote port (network order), of one address (facts/addresses.py) or, None, of any."""

    address: bytes | None
    port: bytes
