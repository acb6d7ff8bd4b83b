"""A TCP socket whose connect() searches for a local port as any other would, and sends nothing.

TCP_FASTOPEN_CONNECT defers the SYN until there is data, which never comes, and
TCP_FASTOPEN_NO_COOKIE makes that work without a cookie from the remote. With TCP_REPAIR, which
needs CAP_NET_ADMIN, connect() never sends: it is the safety net under fast open, and replaces it
where that is switched off.

Source: net/ipv4/tcp_fastopen.c, tcp_fastopen_defer_connect; net/ipv4/tcp_output.c, tcp_connect;
net/ipv4/inet_hashtables.c, __inet_hash_connect.
"""

import errno
import socket
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tcp_pressure_exporter.facts.addresses import format_address, is_link_local
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.sources.procfs.files import read_sysctl_int

OPERATION = "canary"

# include/uapi/linux/tcp.h and in.h; Python 3.11 knows none of them.
TCP_REPAIR = 19
TCP_FASTOPEN_CONNECT = 30
TCP_FASTOPEN_NO_COOKIE = 34
IP_BIND_ADDRESS_NO_PORT = 24
IP_LOCAL_PORT_RANGE = 51
SO_BINDTOIFINDEX = 62  # include/uapi/asm-generic/socket.h

# Tells whatever counts refused connections that this search is not an application's, whichever
# process makes it (sources/bpf/programs/failing_connects.h). The option has no effect until there
# is data, and the kernel accepts any value up to half of the largest receive buffer, which is at
# least 2,304 bytes (net/ipv4/tcp.c, tcp_set_rcvlowat).
MARK = 1019

# If it is not 0, fast open stops deferring for a while after the kernel has attributed a loss to a
# firewall: then the SYN leaves (tcp_fastopen_active_should_disable).
BLACKHOLE_TIMEOUT = "net.ipv4.tcp_fastopen_blackhole_timeout_sec"


class Search(NamedTuple):
    """The result of one port search.

    call: the call that the kernel refused with `error` (an errno), "connect()" if it refused none.
    port: the local port found, or 0. seconds: how long connect() took.
    """

    call: str
    error: int
    port: int = 0
    seconds: float = 0.0


def open_canary_socket(family: int) -> socket.socket:
    """Open a socket that asks in the calling thread's network namespace."""
    sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVLOWAT, MARK)
    return sock


def keep_silent(sock: socket.socket, procfs: Path) -> None:
    """Make sure that connect() will send nothing; raises SourceError if that is impossible."""
    repaired = _refusal(sock, TCP_REPAIR) is None
    refusal = _refusal(sock, TCP_FASTOPEN_CONNECT) or _refusal(sock, TCP_FASTOPEN_NO_COOKIE)
    if repaired:
        return
    if refusal is not None:
        reason = f"needs CAP_NET_ADMIN because fast open is off (net.ipv4.tcp_fastopen): {refusal}"
        raise SourceError(OPERATION, reason)
    if read_sysctl_int(procfs, BLACKHOLE_TIMEOUT) != 0:
        raise SourceError(OPERATION, f"needs CAP_NET_ADMIN because {BLACKHOLE_TIMEOUT} is not 0")


def search_port(
    sock: socket.socket, key: PoolKey, only_port: int | None, clock: Callable[[], float]
) -> Search:
    """Let connect() search the whole range for a port, or try only `only_port`.

    The kernel ignores an `only_port` outside its range and searches all of it, so check the port
    that was found. Raises OSError if the kernel lacks IP_BIND_ADDRESS_NO_PORT.
    """
    sock.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
    if key.scope:
        try:
            sock.setsockopt(socket.SOL_SOCKET, SO_BINDTOIFINDEX, key.scope)
        except OSError as error:  # the interface is gone, or this kernel requires CAP_NET_RAW
            return Search("SO_BINDTOIFINDEX", _number(error))
    if only_port is not None:
        try:
            sock.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, _range_of(only_port))
        except OSError as error:
            return Search("IP_LOCAL_PORT_RANGE (Linux 6.3)", _number(error))
    try:
        sock.bind(_socket_address(key.local_address, 0, key.scope))
    except OSError as error:
        return Search("bind()", _number(error))
    remote = _socket_address(key.remote_address, int.from_bytes(key.port), key.scope)
    start = clock()
    error_number = sock.connect_ex(remote)
    seconds = clock() - start
    port = 0 if error_number else sock.getsockname()[1]
    return Search("connect()", error_number, port, seconds)


def _socket_address(address: bytes, port: int, scope: int) -> tuple[Any, ...]:
    """Return what bind() and connect() take: there only a link-local address has a scope id."""
    text = format_address(address)
    return (text, port, 0, scope) if is_link_local(address) else (text, port)


def _range_of(port: int) -> bytes:
    return struct.pack("=I", port | port << 16)  # low in the lower half, high in the upper


def _refusal(sock: socket.socket, option: int) -> str | None:
    """Set a TCP option to 1; return why the kernel refused, None where it did not."""
    try:
        sock.setsockopt(socket.IPPROTO_TCP, option, 1)
    except OSError as error:  # not permitted, switched off or unknown: all mean "not this way"
        return error.strerror or str(error)
    return None


def _number(error: OSError) -> int:
    return error.errno or errno.EIO  # never 0, which would mean success
