"""What the kernel says about one TCP socket: its state, its owner, what it is bound to.

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
    """Who owns a socket; an unknown part is "".

    service: as named by sources/owners/cgroups.py. process: its name. People choose both freely:
    expect any Unicode text, control characters included.
    """

    service: str = ""
    process: str = ""


NOBODY = Owner()


class BoundSocket(NamedTuple):
    """One entry; `address` as in facts/addresses.py, `ipv6_only` the socket's IPV6_V6ONLY.

    queue_used, queue_limit: of a listening socket, the connections waiting to be accepted, and how
    many may wait; the limit is None where the queues are not known. Source: net/ipv4/tcp_diag.c,
    tcp_diag_get_info, sk_ack_backlog and sk_max_ack_backlog.
    scope: the index of the device that it is bound to (SO_BINDTODEVICE, a VRF, a link-local
    address), 0 for none: idiag_if.
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

    state: by the kernel's number; TCP_BOUND_INACTIVE for one that is only bound. remote_address,
    remote_port: unspecified and 0 where it is not connected.
    seconds_left: until TIME_WAIT, or FIN_WAIT2 without an owner, is over; None for other sockets.
    scope: as in BoundSocket.
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
    """A remote port (network order) at one address (facts/addresses.py), or at any for None."""

    address: bytes | None
    port: bytes
