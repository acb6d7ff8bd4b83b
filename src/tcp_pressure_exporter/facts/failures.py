"""System calls that fail for lack of a local port, as the kernel counts them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

CONNECT = "connect"
BIND = "bind"  # and listen() on a socket that is not bound
NO_PORT = "no_port"  # the kernel's search found none
PORT_TAKEN = "port_taken"  # connect(): the 4-tuple of the port that was bound; bind(): the port


class FailureKind(NamedTuple):
    """Which call failed, and why."""

    call: str
    cause: str


CONNECT_FAILURES = (FailureKind(CONNECT, NO_PORT), FailureKind(CONNECT, PORT_TAKEN))
BIND_FAILURES = (FailureKind(BIND, NO_PORT), FailureKind(BIND, PORT_TAKEN))
NOBODY = b""  # stands for the remote address where there is none


class PortFailure(NamedTuple):
    """Failures with one caller and the same ends.

    cgroup_id: of the caller, as SocketId has it. process: the name of the caller's thread group,
    any Unicode text. The addresses are those of facts/addresses.py; port: of the remote end. For a
    failed bind() the remote address is NOBODY, and the port is the one asked for, 0 for any.
    """

    kind: FailureKind
    cgroup_id: int
    process: str
    local_address: bytes
    remote_address: bytes
    port: int


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """The failures in one network namespace since counting began; the numbers never fall.

    rows: by caller and ends. unnamed: those for which `rows` had no room. lost: those for which
    there was no room at all, in any namespace. kinds: the kinds that are counted here.
    """

    rows: Mapping[PortFailure, int]
    unnamed: Mapping[FailureKind, int]
    lost: int = 0
    kinds: tuple[FailureKind, ...] = CONNECT_FAILURES
