"""Who holds one local port, in words, and how a service can get it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import V4_ANY, V6_ANY, format_address
from tcp_pressure_exporter.facts.sockets import (
    STATE_NAMES,
    TCP_BOUND_INACTIVE,
    TCP_LISTEN,
    TCP_TIME_WAIT,
    Owner,
    PortSocket,
)
from tcp_pressure_exporter.figures import counted, duration
from tcp_pressure_exporter.verdict.words import capitalised, owner_name

BOUND = "bound"
_ORDER = {TCP_LISTEN: 0, TCP_BOUND_INACTIVE: 1, TCP_TIME_WAIT: 3}  # others: 2, live connections
_WILDCARDS = {V4_ANY: "0.0.0.0", V6_ANY: "*"}  # noqa: S104 - shown, not bound to
_REUSE = (  # net/ipv4/inet_connection_sock.c, inet_bind_conflict
    "SO_REUSEADDR lets a service start sooner only if the closed socket had it too: an"
    " accepted connection inherits it from its listener, an outgoing one usually lacks it."
)
RUNBOOK = "docs/runbooks/pools.md#a-service-cannot-start-because-its-port-is-taken"


class PortHolder(NamedTuple):
    """A socket that holds the port, and its owner; NOBODY where that is not known.

    waits: whether no application has accepted it yet; the owner is then its listener's.
    interface: the name of the one that it is bound to, "" for none.
    """

    socket: PortSocket
    owner: Owner
    waits: bool = False
    interface: str = ""

    @property
    def state(self) -> str:
        """The state by the names of facts/sockets.py, or BOUND."""
        return STATE_NAMES.get(self.socket.state, BOUND)

    @property
    def local(self) -> str:
        """The local address as text, followed by the interface if any (RFC 4007, section 11)."""
        address = self.socket.address
        text = _WILDCARDS.get(address) or format_address(address)
        return f"{text}%{self.interface}" if self.interface else text

    @property
    def remote(self) -> str:
        """The remote end as text, "" if it is not connected."""
        if self.socket.state in {TCP_LISTEN, TCP_BOUND_INACTIVE}:
            return ""
        address = format_address(self.socket.remote_address)
        shown = f"[{address}]" if ":" in address else address
        return f"{shown}:{self.socket.remote_port}"


@dataclass(frozen=True, slots=True)
class HeldPort:
    """The answer about one local port.

    holders: listeners first, then bound sockets, connections, TIME_WAIT.
    chosen: whether connect() may choose the port. reserved: whether it is in the range but
    reserved.
    unseen: why holders may be missing, "" if none can be.
    """

    port: int
    holders: tuple[PortHolder, ...]
    chosen: bool
    reserved: bool
    unseen: str = ""

    def in_states(self) -> dict[str, int]:
        """Return how many holders there are in each state that occurs."""
        return dict(Counter(holder.state for holder in self.holders))

    def those(self, *states: int) -> list[PortHolder]:
        """Return the holders in one of the kernel's states."""
        return [holder for holder in self.holders if holder.socket.state in states]

    @property
    def connections(self) -> list[PortHolder]:
        """The holders that neither listen nor are only bound, without TIME_WAIT."""
        return [holder for holder in self.holders if holder.socket.state not in _ORDER]


def by_importance(holders: Sequence[PortHolder]) -> tuple[PortHolder, ...]:
    """Return the holders in the order of HeldPort."""
    return tuple(sorted(holders, key=lambda holder: _ORDER.get(holder.socket.state, 2)))


def sentence(held: HeldPort) -> str:
    """Say in one sentence who holds the port."""
    port = f"Port {held.port}"
    if listeners := held.those(TCP_LISTEN):
        return f"{port} is taken by a listener: {_owners(listeners)}."
    if bound := held.those(TCP_BOUND_INACTIVE):
        return f"{port} is bound by {_owners(bound)}, which is not listening on it."
    if held.connections:
        outgoing = "outgoing connection" if held.chosen or held.reserved else "connection"
        held_by = f"{counted(len(held.connections), outgoing)} of {_owners(held.connections)}"
        return f"{port} is held by {held_by}."
    if waiting := held.those(TCP_TIME_WAIT):
        what = counted(len(waiting), "closed connection")
        return f"{port} is held only by {what} in TIME_WAIT, which belongs to no process."
    return f"No TCP socket in this network namespace holds port {held.port}."


def advice(held: HeldPort) -> str:
    """Return how a service can get the port."""
    if held.those(TCP_LISTEN):
        return "Stop that service, or give one of the two another port."
    if held.those(TCP_BOUND_INACTIVE):
        return "Make that process close the socket, or stop it." + _reserve(held)
    if held.connections:
        return _about_connections(held) + _reserve(held)
    if waiting := held.those(TCP_TIME_WAIT):
        left = duration(max(holder.socket.seconds_left or 0.0 for holder in waiting))
        return f"It will be free in about {left}. {_REUSE}" + _reserve(held)
    return "A service can listen on it now." + _reserve(held) + _unseen(held)


def _about_connections(held: HeldPort) -> str:
    if held.chosen or held.reserved:
        return "Close the connection or restart its process, then start the service immediately."
    return "Stop the process that has the connection, or wait until the connection is closed."


def _reserve(held: HeldPort) -> str:
    if not held.chosen:
        return ""
    name = "net.ipv4.ip_local_reserved_ports"
    return (
        f" The kernel may give this port to an outgoing connection: add {held.port} to {name}"
        " (and keep what is there) to prevent that."
    )


def _unseen(held: HeldPort) -> str:
    return f" Not seen: {held.unseen}." if held.unseen else ""


def _owners(holders: Sequence[PortHolder]) -> str:
    names = dict.fromkeys(owner_name(holder.owner) for holder in holders)
    known = [name for name in names if name] or ["an unknown process"]
    return " and ".join(known[:2]) + (f" and {len(known) - 2} more" if len(known) > 2 else "")  # noqa: PLR2004 - two


def state_words(held: HeldPort) -> str:
    """List the states with how many sockets are in each."""
    return capitalised(", ".join(f"{state} {count:,}" for state, count in held.in_states().items()))
