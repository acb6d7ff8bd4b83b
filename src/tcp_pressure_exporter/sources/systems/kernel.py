"""Probes of the running kernel: they try out what it does, on sockets that nobody else sees.

They send nothing. One takes a port for a few microseconds, as the canary does.
"""

import errno
import socket
import time
from contextlib import ExitStack
from ipaddress import IPv4Address
from itertools import chain
from pathlib import Path

from tcp_pressure_exporter.facts.addresses import V4_MAPPED, format_address
from tcp_pressure_exporter.facts.kernel import KernelModel
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.facts.questions import NOWHERE, UNUSED_PORT
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.facts.time_wait import timer_batch
from tcp_pressure_exporter.sources.canary.socket import (
    IP_LOCAL_PORT_RANGE,
    Search,
    keep_silent,
    open_canary_socket,
    search_port,
)
from tcp_pressure_exporter.sources.netlink.ctnetlink import EVICTS_SINCE
from tcp_pressure_exporter.sources.netlink.entries import parse_port_sockets
from tcp_pressure_exporter.sources.netlink.inet_diag import BOUND_ONLY
from tcp_pressure_exporter.sources.netlink.socket import kernel_tick
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket
from tcp_pressure_exporter.sources.procfs.files import (
    parse_int,
    parse_kernel_release,
    read_sysctl,
)
from tcp_pressure_exporter.sources.procfs.settings import (
    DELAY,
    read_port_range,
    read_time_wait_length,
)

STEP_WIDTH = "net.ipv4.ip_local_port_step_width"
TABLE = "net.ipv4.tcp_ehash_entries"  # negative if the namespace shares the initial one's table
# Two more unused addresses in 127/8, in addition to NOWHERE's.
BINDER, _OTHER = (V4_MAPPED + IPv4Address(f"127.101.127.{n}").packed for n in (102, 103))
ELSEWHERE = PoolKey(_OTHER, _OTHER, UNUSED_PORT)
FIRST_FREE_PORT = 1024  # below it, bind() needs a privilege
TRIES = 16


def ask_kernel(procfs: Path, diag: DiagSocket) -> KernelModel:
    """Return what the kernel does in the calling thread's network namespace."""
    release = _text(procfs, "kernel.osrelease") or ""
    table = _number(procfs, TABLE)
    asks = asks_single_ports()
    tick, length = kernel_tick(), _time_wait_ms(procfs)
    return KernelModel(
        release=release,
        tick_ms=tick * 1000,
        shows_bound_only=shows_bound_only(procfs, diag),
        asks_single_ports=asks,
        frees_bound_ports=frees_bound_ports(procfs) if asks else None,
        reuse_delay_ms=_number(procfs, DELAY),
        time_wait_ms=length,
        time_wait_batch_ms=None if length is None else timer_batch(length / 1000, tick) * 1000,
        step_width=_number(procfs, STEP_WIDTH),
        own_table=None if table is None else table > 0,
        ends_closed_flows=parse_kernel_release(release) >= EVICTS_SINCE,
    )


def asks_single_ports() -> bool | None:
    """Tell whether a socket can be given its own port range; None if no socket can be had."""
    try:
        with open_canary_socket(socket.AF_INET) as sock:
            sock.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, bytes(4))
    except OSError as error:
        return False if error.errno == errno.ENOPROTOOPT else None
    return True


def shows_bound_only(procfs: Path, diag: DiagSocket) -> bool | None:
    """Tell whether a dump shows our socket that is only bound; None if no such can be had.

    Its port is outside the range from which others choose.
    """
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as sock:
            port = _bind_outside(procfs, sock)
            found = diag.ask(
                BOUND_ONLY,
                lambda dump: parse_port_sockets(dump.contents(), dump.sequence, port),
                local_port=port,
            )
    except (OSError, SourceError):
        return None
    return any((entry.address, entry.port) == (BINDER, port) for entry in found)


def _bind_outside(procfs: Path, sock: socket.socket) -> int:
    """Bind to a port outside the port range and return it; raises OSError if there is none."""
    ports = read_port_range(procfs)
    above = range(ports.high + 1, min(ports.high + TRIES, MAX_PORT) + 1)
    below = range(ports.low - 1, max(ports.low - TRIES, FIRST_FREE_PORT) - 1, -1)
    for port in chain(above, below):
        try:
            sock.bind((format_address(BINDER), port))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
        else:
            return port
    raise OSError(errno.EADDRINUSE, "no port outside the range")


def frees_bound_ports(procfs: Path) -> bool | None:
    """Tell whether connect() gets a port as soon as the socket that was bound to it is closed.

    One socket holds a port that connect() chose, a second binds to it and is closed, a third asks
    for it. None if they cannot be had.
    """
    try:
        with ExitStack() as sockets:
            port = _search(procfs, sockets, NOWHERE).port
            if not port:
                return None
            with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as binder:
                binder.bind((format_address(BINDER), port))
            again = _search(procfs, sockets, ELSEWHERE, port)
    except (OSError, SourceError):
        return None
    if again.call != "connect()" or again.error not in {0, errno.EADDRNOTAVAIL}:
        return None
    return again.port == port


def _search(procfs: Path, sockets: ExitStack, key: PoolKey, only_port: int | None = None) -> Search:
    sock = sockets.enter_context(open_canary_socket(socket.AF_INET))
    keep_silent(sock, procfs)
    return search_port(sock, key, only_port, time.perf_counter)


def _text(procfs: Path, name: str) -> str | None:
    try:
        return read_sysctl(procfs, name)
    except SourceError:
        return None


def _number(procfs: Path, name: str) -> int | None:
    text = _text(procfs, name)
    try:
        return None if text is None else parse_int(name, text)
    except SourceError:
        return None


def _time_wait_ms(procfs: Path) -> int | None:
    try:
        return read_time_wait_length(procfs)
    except SourceError:
        return None
