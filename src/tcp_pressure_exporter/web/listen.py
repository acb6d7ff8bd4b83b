"""Listening sockets, TCP and unix: opened at given addresses, or passed by systemd."""

import errno
import os
import re
import socket
import stat
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path

# In a storm, clients should wait in the kernel's queue, not lose their SYNs; somaxconn caps it.
_BACKLOG = 1024
_TCP_REASONS = {
    errno.EADDRINUSE: "another socket is listening on this port",
    errno.EACCES: "permission denied: ports below 1024 need CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "this host has no such address",
    errno.EAFNOSUPPORT: "this host does not support the address family",
}

_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[^\s\[\]%]+)?)\]")
_ADDRESS = re.compile(r"[0-9.]+|[0-9A-Fa-f]*:[0-9A-Fa-f:.]*")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65535

_UNIX = "unix://"
_UNIX_PATH_BYTES = 107  # sun_path in unix(7) without its NUL
_UNIX_MODE = 0o660  # connecting needs write permission, which owner and group have

_SYSTEMD = "systemd socket"
_FIRST_FD = 3  # SD_LISTEN_FDS_START


class ListenError(Exception):
    """An address cannot be listened on: `address` as given, and a one-line `reason`."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}")
        self.address = address
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen. An empty host means all addresses, IPv4 and IPv6; port 0 any free port."""

    host: str
    port: int


def open_listeners(addresses: Sequence[str], *, systemd: bool) -> list[socket.socket]:
    """Open non-blocking listening sockets, all or none.

    With `systemd`, it uses the sockets that systemd passed (sd_listen_fds(3)) instead of
    `addresses`. Raises ListenError for the first address that fails.
    """
    if systemd:
        return passed_listeners(os.environ, os.getpid())
    with ExitStack() as opened:
        listeners = [opened.enter_context(_open(text)) for text in addresses]
        opened.pop_all()
    return listeners


def listener_url(scheme: str, listener: socket.socket, path: str) -> str:
    """Return the URL of a listener; for a wildcard address, on this host."""
    if listener.family.name == "AF_UNIX":  # Windows' Python does not have the constant
        return f"unix://{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "localhost"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"


def parse_address(text: str) -> ListenAddress | Path:
    """Parse 'host:port', ':port', '[ipv6]:port' or 'unix:///path'. Raises ListenError."""
    if text.startswith(_UNIX):
        return _parse_path(text)
    host, colon, port = text.rpartition(":")
    if not colon:
        raise ListenError(repr(text), "must be host:port or :port")
    if not _PORT.fullmatch(port) or int(port) > _HIGHEST_PORT:
        raise ListenError(repr(text), f"the port must be a number from 0 to {_HIGHEST_PORT}")
    return ListenAddress(_parse_host(text, host), int(port))


def _parse_path(text: str) -> Path:
    path = text.removeprefix(_UNIX)
    if not path.startswith("/") or path.endswith("/") or "\0" in path:
        raise ListenError(repr(text), "the path must be absolute, as in unix:///run/x.sock")
    if len(os.fsencode(path)) > _UNIX_PATH_BYTES:
        raise ListenError(repr(text), f"the path may have {_UNIX_PATH_BYTES} bytes at most")
    return Path(path)


def _parse_host(text: str, host: str) -> str:
    bracketed = _BRACKETED.fullmatch(host)
    if bracketed:
        return bracketed[1]
    if ":" in host:
        raise ListenError(repr(text), "an IPv6 address must be in brackets, as in [::1]:10190")
    if host and not _NAME.fullmatch(host):
        raise ListenError(repr(text), "the host is neither a name nor an address")
    return host


def _open(text: str) -> socket.socket:
    address = parse_address(text)
    try:
        if isinstance(address, Path):
            return UnixListener(address, _BACKLOG)
        listener = _tcp_listener(address)
    except socket.gaierror as error:
        raise ListenError(text, f"the host does not resolve: {error.strerror}") from error
    except UnicodeError as error:  # from the IDNA codec: a label is empty or too long
        raise ListenError(text, "the host is not a valid name") from error
    except OSError as error:
        known = {} if isinstance(address, Path) else _TCP_REASONS
        reason = known.get(error.errno or 0, error.strerror or str(error))
        raise ListenError(text, reason) from error
    listener.settimeout(0)
    return listener


def _tcp_listener(address: ListenAddress) -> socket.socket:
    if not address.host:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        return socket.create_server(
            ("", address.port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual
        )
    family, target = _resolve(address)
    return socket.create_server(target, family=family, backlog=_BACKLOG)


def _resolve(address: ListenAddress) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Resolve to one address; for a name with several, IPv4 first, as Go's net.Listen does."""
    # For text, Python loads the tables of international names: 0.4 MB, and an address needs none.
    host = address.host.encode() if _ADDRESS.fullmatch(address.host) else address.host
    found = socket.getaddrinfo(host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    family, _, _, _, target = min(found, key=lambda info: info[0] != socket.AF_INET)
    return family, target  # type: ignore[return-value]  # IPv6 has four fields; bind takes both


class UnixListener(socket.socket):
    """A non-blocking listener at a path; closing it removes the file.

    A file left behind by a dead process is replaced; one with a listener is not. Raises OSError.
    """

    def __init__(self, path: Path, backlog: int) -> None:
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path = path
        self._file: tuple[int, int] | None = None
        try:
            _remove_stale(path)
            self.bind(str(path))
            self._file = _identity(path)
            # Before anyone can connect: the kernel refuses until listen().
            path.chmod(_UNIX_MODE)
            self.listen(backlog)
        except OSError:
            self.close()
            raise
        self.settimeout(0)

    def close(self) -> None:
        """Close, and remove the file unless another process has put its own there."""
        file, self._file = self._file, None
        if file is not None and file == _identity(self._path):
            with suppress(OSError):  # the folder is now read-only: the next start replaces the file
                self._path.unlink()
        super().close()


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.lstat()
    except OSError:
        return None  # gone, or out of reach: not ours to remove
    return found.st_dev, found.st_ino


def _remove_stale(path: Path) -> None:
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "there is a file that is not a socket")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(0)  # a full queue is an answer too
        refused = probe.connect_ex(str(path)) == errno.ECONNREFUSED
    if not refused:
        raise OSError(errno.EADDRINUSE, os.strerror(errno.EADDRINUSE))
    path.unlink()


def passed_listeners(environ: Mapping[str, str], pid: int) -> list[socket.socket]:
    """Take over the sockets that LISTEN_FDS counts, if LISTEN_PID says they are for `pid`.

    They become non-blocking and are not inherited by child processes. Raises ListenError if there
    are none, or if one is not a listening stream socket.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(pid) or not count.isdecimal() or int(count) == 0:
        raise ListenError(_SYSTEMD, "no socket was passed to this process (LISTEN_PID, LISTEN_FDS)")
    with ExitStack() as taken:
        fds = range(_FIRST_FD, _FIRST_FD + int(count))
        listeners = [taken.enter_context(_take(fd)) for fd in fds]
        taken.pop_all()
    return listeners


def _take(fd: int) -> socket.socket:
    try:
        sock = socket.socket(fileno=fd)
    except OSError as error:
        raise ListenError(_SYSTEMD, f"descriptor {fd} is not an open socket") from error
    if not _is_listening_stream(sock):
        sock.close()
        raise ListenError(_SYSTEMD, f"descriptor {fd} is not a listening stream socket")
    sock.settimeout(0)
    sock.set_inheritable(False)
    return sock


def _is_listening_stream(sock: socket.socket) -> bool:
    listening = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
    return sock.type == socket.SOCK_STREAM and bool(listening)
