"""Listening sockets: opened here, or passed by systemd."""

import errno
import os
import socket
from collections.abc import Sequence
from contextlib import ExitStack
from ipaddress import ip_address
from pathlib import Path

from tcp_pressure_exporter.web.activation import passed_listeners
from tcp_pressure_exporter.web.address import ListenAddress, ListenError, parse_address
from tcp_pressure_exporter.web.unix_listener import UnixListener

# A storm of clients should wait in the kernel's queue, not lose its SYNs; somaxconn caps it.
_BACKLOG = 1024
_REASONS = {
    errno.EADDRINUSE: "another socket listens on this port",
    errno.EACCES: "permission denied: ports below 1024 need CAP_NET_BIND_SERVICE",
    errno.EADDRNOTAVAIL: "this host has no such address",
    errno.EAFNOSUPPORT: "this host does not support the address family",
}


def open_listeners(addresses: Sequence[str], *, systemd: bool) -> list[socket.socket]:
    """Open non-blocking listening sockets, all or none.

    With `systemd` the sockets that it passed (sd_listen_fds(3)) are used instead of `addresses`.
    Raises ListenError for the first address that fails.
    """
    if systemd:
        return passed_listeners(os.environ, os.getpid())
    with ExitStack() as opened:
        listeners = [opened.enter_context(_open(text)) for text in addresses]
        opened.pop_all()
    return listeners


def listener_url(scheme: str, listener: socket.socket, path: str) -> str:
    """Return where a listener can be reached; a wildcard address is this host."""
    if listener.family.name == "AF_UNIX":  # Windows' Python does not have the constant
        return f"unix://{listener.getsockname()}"
    host, port = listener.getsockname()[:2]
    if ip_address(host).is_unspecified:
        host = "localhost"
    return f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}{path}"


def _open(text: str) -> socket.socket:
    address = parse_address(text)
    try:
        if isinstance(address, Path):
            return UnixListener(address, _BACKLOG)
        listener = _listener(address)
    except socket.gaierror as error:
        raise ListenError(text, f"the host does not resolve: {error.strerror}") from error
    except UnicodeError as error:  # from the IDNA codec: a label is empty or too long
        raise ListenError(text, "the host is not a valid name") from error
    except OSError as error:
        known = {} if isinstance(address, Path) else _REASONS
        reason = known.get(error.errno or 0, error.strerror or str(error))
        raise ListenError(text, reason) from error
    listener.settimeout(0)
    return listener


def _listener(address: ListenAddress) -> socket.socket:
    if not address.host:
        dual = socket.has_dualstack_ipv6()
        family = socket.AF_INET6 if dual else socket.AF_INET
        return socket.create_server(
            ("", address.port), family=family, backlog=_BACKLOG, dualstack_ipv6=dual
        )
    family, target = _resolve(address)
    return socket.create_server(target, family=family, backlog=_BACKLOG)


def _resolve(address: ListenAddress) -> tuple[socket.AddressFamily, tuple[str, int]]:
    """Resolve to one address; of a name with several, IPv4 first, as Go's net.Listen does."""
    found = socket.getaddrinfo(
        address.host, address.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    family, _, _, _, target = min(found, key=lambda info: info[0] != socket.AF_INET)
    return family, target  # type: ignore[return-value]  # IPv6 has four fields, bind takes both
