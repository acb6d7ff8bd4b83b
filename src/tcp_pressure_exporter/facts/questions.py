"""What can be asked, as small protocols: whatever answers one is a source.

A system is served by a bundle of sources. Where nothing can answer, the bundle holds a `Missing`
with the reason instead; a source that needs privileges says itself which it lacks. Every question
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

# A destination that nothing else uses, so that the answer depends on the port alone.
_NOWHERE_ADDRESS = V4_MAPPED + bytes((127, 101, 127, 101))
UNUSED_PORT = (1).to_bytes(2)  # tcpmux (RFC 1078), which nobody serves any more
NOWHERE = PoolKey(_NOWHERE_ADDRESS, _NOWHERE_ADDRESS, UNUSED_PORT)


class Missing(NamedTuple):
    """Stands in for a source: why there is none."""

    reason: str


class SettingsSource(Protocol):
    """The settings of a namespace, or of a system that has none."""

    @property
    def system(self) -> str:
        """Return the system whose settings they are, by its name in facts/system.py."""

    def port_range(self) -> PortRange:
        """Return the local port range and the reserved ports."""

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return how long TIME_WAIT holds a port, and when a connect() may take it over."""

    def sysctls(self) -> Mapping[str, int]:
        """Return the settings that determine TCP pressure, under the system's own names."""


class SocketSource(Protocol):
    """The sockets of a namespace: those that own a port, and the counts of all others."""

    def bound_sockets(self, rules: BoundRules) -> BoundTally:
        """Return the listening sockets, and those only bound, as far as the system shows them."""

    def tally(self, rules: TallyRules) -> SocketTally:
        """Return the aggregates over all sockets that are not listening."""

    def close(self) -> None:
        """Release what is open; the next question opens it again."""


class ToldBy(NamedTuple):
    """Which source the sockets are read from.

    source: netlink, bpf or portable. why: why it is not BPF, "" where it is. fallbacks: how often
    netlink took over from BPF; None where BPF was not the source at the start.
    """

    source: str
    why: str = ""
    fallbacks: int | None = None

    def logged(self) -> dict[str, str]:
        """Return the fields of a log line about it."""
        return {"source": self.source} | ({"reason": self.why} if self.why else {})


class SocketDetailSource(Protocol):
    """Details of individual sockets that only the kernel's own dump tells: queues, owners, ages."""

    def close_wait_ages(self) -> dict[bytes, float]:
        """Return the minimum age in seconds of each socket in CLOSE_WAIT, by its cookie."""

    def pool_sockets(self, remotes: Sequence[RemoteEnd]) -> list[PoolSocket]:
        """Return the live sockets connected to some remote ends."""

    def port_sockets(self, port: int) -> list[PortSocket]:
        """Return the sockets of every state that hold a local port."""

    def time_wait_age(
        self, key: PoolKey, local_port: int, lengths: TimeWaitLengths
    ) -> float | None:
        """Return how long a pool's connection at a port has been in TIME_WAIT; None: it is not."""


class NumberSource(Protocol):
    """What the kernel counts itself."""

    def resources(self) -> tuple[Resource, ...]:
        """Return the use and the limit of the finite resources other than ports."""

    def statistics(self) -> Mapping[str, int]:
        """Return the counters of TCP and of conntrack, under the kernel's names."""


@dataclass(frozen=True, slots=True)
class CanaryAnswer:
    """The kernel's answer for one pool.

    success: a port was found (True); there is none, connect() says EADDRNOTAVAIL (False); or the
    kernel said something else, or was not asked (None), for the given reason.
    seconds: duration of the search of the whole range; None where there was no such search.
    """

    success: bool | None
    seconds: float | None
    reason: str


class HiddenAnswer(NamedTuple):
    """The kernel's answer about single ports.

    asked: how many it answered for. hidden: how many of these no connect() reaches, whatever the
    destination. reason: why it answered for none, "" where it did.
    """

    asked: int
    hidden: int
    reason: str = ""


class TakeOverAnswer(NamedTuple):
    """For how many ports in TIME_WAIT the kernel was asked whether connect() takes them over.

    refused: of these, those that it does not give back before TIME_WAIT ends.
    """

    asked: int
    refused: int


class CanarySource(Protocol):
    """The kernel's port search, asked without making a connection."""

    def missing(self) -> str | None:
        """Return why it cannot be asked here, None where it can."""

    def probe(self, key: PoolKey, *, reuse: bool, free_ports: int) -> CanaryAnswer:
        """Return whether a connect() of an outbound pool would find a port."""

    def hidden_ports(self, held_ports: int, destinations: Sequence[PoolKey]) -> HiddenAnswer:
        """Ask about ports that sockets hold, and return how many of them are hidden."""

    def take_over(self, key: PoolKey, ports: int, waits: Callable[[int], bool]) -> TakeOverAnswer:
        """Ask about a pool's ports in TIME_WAIT, and return how many are refused."""


class ElsewhereSource(Protocol):
    """The sockets of other network namespaces, all found at once."""

    @property
    def usable(self) -> Callable[[], bool]:
        """What tells whether they can be: else each namespace is asked by netlink."""

    def looked_at(self, inodes: Collection[int]) -> AbstractContextManager[None]:
        """Hold the sockets of these namespaces ready while the block runs; never raises."""

    def tally(self, rules: TallyRules) -> SocketTally | None:
        """Return the aggregates of the calling thread's namespace; None: not known."""

    def listening(self, rules: BoundRules) -> BoundTally | None:
        """Return the listening sockets of that namespace; None: not known."""


class BindTableSource(Protocol):
    """The kernel's own table of bound ports."""

    def skipped_ports(self) -> int:
        """Return the set of ports (facts/ports.py) that connect() skips for any remote end."""

    def looked_at(self, inodes: Collection[int]) -> AbstractContextManager[None]:
        """Hold those of other namespaces ready while the block runs; never raises."""

    def close(self) -> None:
        """Let go what is open."""


class FailureSource(Protocol):
    """The calls that the kernel refuses because it has no local port for them."""

    @property
    def no_binds(self) -> str | None:
        """Return why bind() is not counted in addition to connect(); None where it is."""

    def port_failures(self) -> FailureCounts:
        """Return those of the namespace of the calling thread, since counting began."""

    def held(self) -> AbstractContextManager[None]:
        """Read the counts once for all namespaces that ask inside the block."""

    def close(self) -> None:
        """Stop counting."""


class CloseSource(Protocol):
    """The connections that this end closes first."""

    def active_closes(self) -> CloseCounts:
        """Return those of the namespace of the calling thread, since counting began."""

    def held(self) -> AbstractContextManager[None]:
        """Read the counts once for all namespaces that ask inside the block."""

    def close(self) -> None:
        """Stop counting."""


class NatSource(Protocol):
    """The connections that this host translates as a gateway."""

    def missing(self) -> str | None:
        """Return why they cannot be read here, None where they can."""

    def translated(self, rules: RowRules, clients_of: Sequence[PoolKey] = ()) -> PoolTally:
        """Return the NAT pools; clients_of: those that are also counted by client."""

    def close(self) -> None:
        """Release what is open; the next question opens it again."""


def by_netlink() -> ToldBy:
    """Say that the sockets are read through netlink because BPF was not asked for."""
    return ToldBy(NETLINK, NOT_WANTED)


NOT_WANTED = "not asked for"
NOT_COUNTED = Missing("counted by BPF, on Linux only")
NO_BIND_TABLE = Missing("the kernel's table of bound ports is not read")


@dataclass(frozen=True, slots=True)
class Sources:
    """The sources for one network namespace, or for a whole system without namespaces.

    counted_by: "compiled", "readable" or "portable": what counts the sockets.
    kernel: what the kernel was found to do, None where it was not asked.
    no_netlink: why sockets are read through psutil, None where netlink answers.
    interface_name: returns the name for an index, or the index itself once the interface is gone.
    own_networks: returns the networks whose addresses belong to this host; raises SourceError.
    told_by: returns which source the newest sockets came from.
    elsewhere: finds other namespaces' sockets together with this one's; None: nothing does.
    bind_table, failures, closes: shared by all namespaces, so whoever opened them closes them.
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
        """Release what the sources have open."""
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
