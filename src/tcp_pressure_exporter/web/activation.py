"""Sockets passed by systemd: the protocol of sd_listen_fds(3)."""

import socket
from collections.abc import Mapping
from contextlib import ExitStack

from tcp_pressure_exporter.web.address import ListenError

_FIRST_FD = 3  # SD_LISTEN_FDS_START
_ORIGIN = "systemd socket"


def passed_listeners(environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """Take over the sockets that LISTEN_FDS counts, if LISTEN_PID says they are for `pid`.

    They become non-blocking and are not inherited by child processes. Raises ListenError when
    there are none, or when one is not a listening stream socket.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdecimal() or int(count) == 0:
        raise ListenError(_ORIGIN, "none was passed to this process (LISTEN_PID, LISTEN_FDS)")
    with ExitStack() as taken:
        fds = range(_FIRST_FD, _FIRST_FD + int(count))
        listeners = [taken.enter_context(_take(fd)) for fd in fds]
        taken.pop_all()
    return listeners


def _take(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise ListenError(_ORIGIN, f"descriptor {fd} is not an open socket") from error
    if not _is_listening_stream(sock):
        sock.close()
        raise ListenError(_ORIGIN, f"descriptor {fd} is not a listening stream socket")
    sock.settimeout(0)
    sock.set_inheritable(False)
    return sock


def _is_listening_stream(sock: socket.socket) -> bool:
    listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return sock.type == socket.SOCK_STREAM and bool(listening)
