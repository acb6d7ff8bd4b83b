"""What can be asked, as small protocols: whoever answers one is a source.

A system is served by a bundle of sources. Where nobody can answer, the bundle holds a `Missing`
with the reason instead; a source that depends on rights says itself what it lacks. Every question
raises SourceError where it fails.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from tcp_pressure_exporter.facts.addresses import V4_MAPPED
from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.failures import FailureCounts
from tcp_pressure_exporter.facts.kernel import KernelModel
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import PortSocket, RemoteEnd
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import (
    NETLINK,
    NetworkPorts,
    PoolKey,
    PoolSocket,
    PoolTally,
    RowRules,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import CloseCounts, TimeWaitLengths, TimeWaitReuse

# A destination that no one else has, so that asking about a port concerns the port alone.
_NOWHERE_ADDRESS = V4_MAPPED + bytes((127, 101, 127, 101))
UNUSED_PORT = (1).to_bytes(2)  # tcpmux (RFC 1078), which nobody serves any more
NOWHERE = PoolKey(_NOWHERE_ADDRESS, _NOWHERE_ADDRESS, UNUSED_PORT)


class Missing(NamedTuple):
    """Stands where a source would: why there is none."""

    reason: str


class SettingsSource(Protocol):
    """The settings of a namespace, or of a system that has none."""

    @property
    def system(self) -> str:
        """Whose settings they are, by the names of facts/system.py."""

    def port_range(self) -> PortRange:
        """Return the local port range and the reserved ports."""

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return how long TIME_WAIT holds a port, and when a connect() takes one over."""

    def sysctls(self) -> Mapping[str, int]:
        """Return what decides TCP pressure, under the system's own names."""


class SocketSource(Protocol):
    """The sockets of a namespace: those that own a port, and the counts of all others."""

    def bound_sockets(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets, and as far as they are told those that are bound only."""

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""

    def close(self) -> None:
        """Let go what is open; the next question opens it again."""


class ToldBy(NamedTuple):
    """Who tells of the sockets.

    source: netlink, bpf or portable. why: why it is not BPF, "" where it is. fallbacks: how often
    netlink took BPF's place; None where it was not BPF at the start.
    """

    source: str
    why: str = ""
    fallbacks: int | None = None

    def logged(self) -> dict[str, str]:
        """Return what a line of the log says of it."""
        return {"source": self.source} | ({"reason": self.why} if self.why else {})


class SocketDetailSource(Protocol):
    """What of single sockets only the kernel's own dump tells: accept queues, owners, ages."""

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the least age in seconds of each socket in CLOSE_WAIT, by its cookie."""

    def pool_sockets(self, remotes: Sequence[RemoteEnd]) -> list[PoolSocket]:
        """Return the live sockets towards some remote ends."""

    def port_sockets(self, port: int) -> list[PortSocket]:
        """Return the sockets of every state that hold a local port."""

    def time_wait_age(
        self, key: PoolKey, local_port: int, lengths: TimeWaitLengths
    ) -> float | None:
        """Return the seconds in TIME_WAIT of a pool's connection at a port; None: it is not."""


class NumberSource(Protocol):
    """What the kernel counts by itself."""

    def resources(self) -> tuple[Resource, ...]:
        """Return the use and the limit of the finite resources beside ports."""

    def statistics(self) -> Mapping[str, int]:
        """Return the counters of TCP and of conntrack, under the kernel's names."""


@dataclass(frozen=True, slots=True)
class CanaryAnswer:
    """The kernel's answer for one pool.

    success: a port was found (True); there is none, connect() says EADDRNOTAVAIL (False); or the
    kernel said something else, or was not asked (None), for the given reason.
    seconds: duration of the search of the whole range; None where none was made.
    """

    success: bool | None
    seconds: float | None
    reason: str


class HiddenAnswer(NamedTuple):
    """The kernel's answer about single ports.

    asked: how many it answered for. hidden: to how many of these no connect() comes, whatever the
    destination. reason: why it answered for none, "" where it did.
    """

    asked: int
    hidden: int
    reason: str = ""


class TakeOverAnswer(NamedTuple):
    """Of how many ports in TIME_WAIT the kernel was asked whether connect() takes them over.

    refused: of these, those that it does not give back before TIME_WAIT ends.
    """

    asked: int
    refused: int


class CanarySource(Protocol):
    """The kernel's port search, asked without a connection being made."""

    def missing(self) -> str | None:
        """Return why it cannot be asked here, None where it can."""

    def probe(self, key: PoolKey, *, reuse: bool, free_ports: int) -> CanaryAnswer:
        """Return whether a connect() of an outbound pool would find a port."""

    def hidden_ports(self, held_ports: int, destinations: Sequence[PoolKey]) -> HiddenAnswer:
        """Return of how many ports that sockets hold how many are hidden."""

    def take_over(self, key: PoolKey, ports: int, waits: Callable[[int], bool]) -> TakeOverAnswer:
        """Return of how many ports of a pool in TIME_WAIT how many are refused."""


class ElsewhereSource(Protocol):
    """The sockets of other network namespaces, all found at once."""

    @property
    def usable(self) -> Callable[[], bool]:
        """What tells whether they can be: else each namespace is asked by netlink."""

    def looked_at(self, inodes: Collection[int]) -> AbstractContextManager[None]:
        """Know the sockets of these namespaces while the block runs; never raises."""

    def tally(self, rules: TallyRules) -> SocketTally | None:
        """Return the aggregates of the calling thread's namespace; None: they are not known."""

    def listening(self, rules: BoundRules) -> BoundTally | None:
        """Return the listening sockets of that namespace; None: they are not known."""


class BindTableSource(Protocol):
    """The kernel's own table of the ports that are bound."""

    def skipped_ports(self) -> int:
        """Return the set of ports (facts/ports.py) that connect() passes over, to any end."""

    def looked_at(self, inodes: Collection[int]) -> AbstractContextManager[None]:
        """Know those of other namespaces while the block runs; never raises."""

    def close(self) -> None:
        """Let go what is open."""


class FailureSource(Protocol):
    """The calls that the kernel refuses for lack of a local port."""

    @property
    def no_binds(self) -> str | None:
        """Why bind() is not counted beside connect(); None where it is."""

    def port_failures(self) -> FailureCounts:
        """Return those of the namespace of the calling thread, since counting began."""

    def close(self) -> None:
        """Stop counting."""


class CloseSource(Protocol):
    """The connections that this end closes first."""

    def active_closes(self) -> CloseCounts:
        """Return those of the namespace of the calling thread, since counting began."""

    def close(self) -> None:
        """Stop counting."""


class NatSource(Protocol):
    """The connections that this host translates as a gateway."""

    def missing(self) -> str | None:
        """Return why they cannot be read here, None where they can."""

    def translated(self, rules: RowRules, clients_of: Sequence[PoolKey] = ()) -> PoolTally:
        """Return the NAT pools; clients_of: those that are counted by client besides."""

    def close(self) -> None:
        """Let go what is open; the next question opens it again."""


def by_netlink() -> ToldBy:
    """Say that netlink tells of the sockets, for nobody wanted BPF to."""
    return ToldBy(NETLINK, NOT_WANTED)


NOT_WANTED = "not asked for"
NOT_COUNTED = Missing("counted by BPF, on Linux only")
NO_BIND_TABLE = Missing("the kernel's table of bound ports is not read")


@dataclass(frozen=True, slots=True)
class Sources:
    """What serves one network namespace, or a whole system without namespaces.

    counted_by: "compiled", "readable" or "portable": what counts the sockets.
    kernel: what the kernel was found to do, None where it was not asked.
    no_netlink: why sockets are read through psutil, None where netlink answers.
    interface_name: returns that of an index, which is where the interface is gone.
    own_networks: returns the networks whose addresses are this host's; raises SourceError.
    told_by: returns who told of the newest sockets.
    elsewhere: what of other namespaces is found together with those of this one; None: nothing.
    bind_table, failures, closes: shared by all namespaces, so that whoever opened them closes them.
    """

    counted_by: str
    settings: SettingsSource
    sockets: SocketSource
    details: SocketDetailSource | Missing
    numbers: NumberSource | Missing
    canary: CanarySource | Missing
    nat: NatSource | Missing
    no_netlink: str | None = None
    kernel: KernelModel | None = None
    interface_name: Callable[[int], str] = str
    own_networks: Callable[[], Sequence[NetworkPorts]] = tuple
    told_by: Callable[[], ToldBy] = by_netlink
    elsewhere: ElsewhereSource | None = None
    bind_table: BindTableSource | Missing = NO_BIND_TABLE
    failures: FailureSource | Missing = NOT_COUNTED
    closes: CloseSource | Missing = NOT_COUNTED

    def close(self) -> None:
        """Let go what the sources have open."""
        self.sockets.close()
        if not isinstance(self.nat, Missing):
            self.nat.close()


Source = TypeVar("Source", CanarySource, NatSource)


def usable(source: Source | Missing) -> Source | Missing:
    """Return the source, or why it cannot be asked."""
    if isinstance(source, Missing):
        return source
    reason = source.missing()
    return source if reason is None else Missing(reason)
