"""Listen addresses as they are written on the command line."""

import os
import re
from dataclasses import dataclass
from pathlib import Path

_BRACKETED = re.compile(r"\[([0-9A-Fa-f:.]+(?:%[^\s\[\]%]+)?)\]")
_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_PORT = re.compile(r"[0-9]{1,5}")
_HIGHEST_PORT = 65535
_UNIX = "unix://"
_UNIX_PATH_BYTES = 107  # sun_path of unix(7) less its NUL


class ListenError(Exception):
    """An address cannot be listened on: `address` as it was given, and a one-line `reason`."""

    def __init__(self, address: str, reason: str) -> None:
        super().__init__(f"cannot listen on {address}: {reason}")
        self.address = address
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """Where to listen. An empty host means all addresses, IPv4 and IPv6; port 0 any free port."""

    host: str
    port: int


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
