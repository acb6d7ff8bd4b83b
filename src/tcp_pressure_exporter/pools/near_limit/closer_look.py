"""Which pools are looked at closely: the few that may soon be full.

The kernel is asked about them (the canary), their owners are looked up, and the number of ports
held by sockets that were bound before they connected is estimated: no other connect() can use such
a port, and sock_diag does not tell it from others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.facts.bound import BoundTally
from tcp_pressure_exporter.facts.questions import NOWHERE, UNUSED_PORT, CanaryAnswer
from tcp_pressure_exporter.facts.sockets import Owner, RemoteEnd
from tcp_pressure_exporter.facts.tally import (
    LocalAddress,
    PoolKey,
    PoolSocket,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.pools.groups import ListedKey, RemoteGroups, listed_key
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner, most_owners
from tcp_pressure_exporter.pools.near_limit.live_states import (
    StateCount,
    counted_states,
    live_state,
)
from tcp_pressure_exporter.pools.scopes import ports_for_connect
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage, is_mostly

MAX_TARGETS = 3  # per sample


class Target(NamedTuple):
    """A pool to ask about, with the arguments of Canary.probe."""

    pool: ListedPool
    key: PoolKey
    reuse: bool
    free_ports: int


class Probe(NamedTuple):
    """A pool and the kernel's verdict on it."""

    pool: ListedPool
    verdict: CanaryAnswer


class CanaryReport(NamedTuple):
    """The verdicts of one sample, and the estimate of hidden ports; None where none was made.

    no_estimate: why the kernel did not tell, "" where it did or did not have to be asked.
    held_ports: the ports of which some are hidden. bound_ports: those of sockets that are bound but
    not connected. subflows: an upper bound of the additional MPTCP subflows that are open; each
    binds its port before it connects (net/mptcp/subflow.c, __mptcp_subflow_connect). known_hidden:
    the number of hidden ports where it is exact and already counted in the pools; then no estimate
    is made.
    """

    probes: tuple[Probe, ...]
    hidden_ports: float | None
    no_estimate: str = ""
    held_ports: int = 0
    bound_ports: int = 0
    subflows: int = 0
    known_hidden: int | None = None

    @property
    def all_hidden(self) -> float:
        """The hidden ports, exact or estimated; 0 where the kernel was not asked."""
        return (self.hidden_ports if self.known_hidden is None else self.known_hidden) or 0.0

    @property
    def subflows_hide(self) -> bool:
        """Whether MPTCP has opened so many subflows that most hidden ports may be theirs."""
        return self.all_hidden > 0 and 2 * self.subflows > self.all_hidden

    def refusals(self) -> Iterator[Probe]:
        """Yield the probes that found no port."""
        return (probe for probe in self.probes if probe.verdict.success is False)

    def bound_before(self, usage: Usage) -> bool:
        """Tell whether most of a pool's ports in TIME_WAIT are certain to be hidden ones.

        Hidden ports that do not fit among all other held ports must be among these. Without an
        estimate nothing is certain: there are none, or they are known and count as blocked.
        """
        if self.hidden_ports is None:
            return False
        waiting = usage.time_wait or 0
        return is_mostly(self.hidden_ports - (self.held_ports - waiting), waiting)


def canary_targets(
    outbound: PoolTable, tally: SocketTally, rules: TallyRules, hidden_ports: float, near: float
) -> list[Target]:
    """Return the fullest of the listed outbound pools near their limit, leaving out groups.

    near: the ratio of ports, hidden ones included, to the limit from which the kernel is asked
    about a pool. A search holds a free port for microseconds and takes up to a few milliseconds, so
    it is made only where it may matter.
    """
    return [
        Target(pool, key, _may_take_over(pool.usage), _free_ports(key, tally, rules))
        for pool in outbound.listed
        if isinstance(key := pool.key, PoolKey)
        and not key.ports
        and pool.usage.limit is not None
        and pool.usage.used + hidden_ports >= near * pool.usage.limit
    ][:MAX_TARGETS]


def _may_take_over(usage: Usage) -> bool:
    """Tell whether a connect() may take over a TIME_WAIT entry of the pool, now or soon."""
    return bool(usage.time_wait) and usage.reused


def _free_ports(key: PoolKey, tally: SocketTally, rules: TallyRules) -> int:
    """Return the ports that no socket of the pool can hold (facts/ports.py)."""
    found = ports_for_connect(tally.by_address, LocalAddress(key.local_address, key.scope))
    held = tally.held if found is None or tally.address_overflow else found.held
    return rules.usable & ~rules.blocked & ~rules.served & ~held


# The highest ratio among outbound and source pools from which hidden ports may matter.
WORTH_ASKING = 0.3
SAMPLES = 12  # a minute at the default interval: 768 ports asked about, an error of a few per cent


def candidates(tally: SocketTally, rules: TallyRules) -> int:
    """Return the ports that may be hidden (facts/ports.py): held, but not known to be bound."""
    nowhere = tally.by_address.get(LocalAddress(NOWHERE.local_address))
    own = nowhere.held if nowhere else 0
    return rules.usable & tally.held & ~rules.blocked & ~own


MPTCP_SUBFLOWS_MAX = 8  # net/mptcp/pm.c: MPTCP_PM_ADDR_MAX, per connection


def open_subflows(statistics: Mapping[str, int]) -> int:
    """Return the most additional MPTCP subflows that this host may have open.

    That is no more than it ever opened (MPJoinSynAckRx, Linux 5.7), and no more than its current
    connections can have (MPCurrEstab, Linux 6.3). Source: net/mptcp/mib.c.
    """
    joined = statistics.get("MPJoinSynAckRx", 0)
    connections = statistics.get("MPCurrEstab")
    return joined if connections is None else min(joined, MPTCP_SUBFLOWS_MAX * connections)


def bound_only(bound: BoundTally, rules: TallyRules) -> int:
    """Return how many usable ports are held by sockets that are bound but not connected."""
    return (rules.usable & bound.bound_only).bit_count()


def unused_destinations(outbound: PoolTable) -> list[PoolKey]:
    """Return unused destinations, so that the answer about a port depends on the port alone.

    If `lo` is down, or has only 127.0.0.1, there is no route to NOWHERE. Then the ends of a pool
    serve, with another remote port: there is certainly a route to them.
    """
    used = (pool.key for pool in outbound.listed if isinstance(pool.key, PoolKey))
    others = [key._replace(port=UNUSED_PORT) for key in used if key.port != UNUSED_PORT]
    return [NOWHERE, *dict.fromkeys(others[:MAX_TARGETS])]


@dataclass(frozen=True, slots=True)
class HiddenPorts:
    """What the last samples showed: (asked, hidden) for each, and the candidates of the newest."""

    samples: tuple[tuple[int, int], ...] = ()
    candidates: int = 0

    def after(self, candidates: int, asked: int, hidden: int) -> "HiddenPorts":
        """Return the estimate after another sample."""
        return HiddenPorts((*self.samples, (asked, hidden))[-SAMPLES:], candidates)

    @property
    def estimate(self) -> float | None:
        """The hidden ports; None where the kernel did not answer."""
        if self.candidates == 0:
            return 0.0
        asked = sum(asked for asked, _hidden in self.samples)
        hidden = sum(hidden for _asked, hidden in self.samples)
        return self.candidates * hidden / asked if asked else None


class PoolOwners(NamedTuple):
    """A pool that is or was lately urgent, its owners, and the states of its live sockets.

    owners: those with the most live sockets in the last few minutes. states: for a pool that is
    urgent now.
    """

    pool: ListedPool
    owners: tuple[SeenOwner, ...]
    states: tuple[StateCount, ...] = ()


MOST_KNOWN = 16  # owners of one pool


def remote_ends(pools: Iterable[ListedPool]) -> list[RemoteEnd]:
    """Return the remote ends to ask the kernel about; for a group, at any address."""
    ends = {_remote_end(pool.key): None for pool in pools}
    return list(ends)


def _remote_end(key: ListedKey) -> RemoteEnd:
    return RemoteEnd(key.remote_address if isinstance(key, PoolKey) else None, key.port)


def owners_by_pool(
    sockets: Iterable[PoolSocket],
    owners: Sequence[Owner],
    rules: TallyRules,
    groups: RemoteGroups,
) -> Mapping[ListedKey, tuple[OwnerCount, ...]]:
    """Return the owners of each pool; `owners` are those of `sockets`, in their order."""
    found: dict[ListedKey, list[Owner]] = {}
    chosen = _chosen_ports(rules)
    for socket, owner in zip(sockets, owners, strict=True):
        if chosen >> socket.local_port & 1:
            found.setdefault(listed_key(socket.key, groups), []).append(owner)
    return {key: most_owners(names, MOST_KNOWN) for key, names in found.items()}


def states_by_pool(
    sockets: Iterable[PoolSocket], rules: TallyRules, groups: RemoteGroups
) -> Mapping[ListedKey, tuple[StateCount, ...]]:
    """Return how many of each pool's live sockets are in each state, the most frequent first."""
    found: dict[ListedKey, list[str]] = {}
    chosen = _chosen_ports(rules)
    for socket in sockets:
        if chosen >> socket.local_port & 1:
            state = live_state(socket.state, socket.owner_id)
            found.setdefault(listed_key(socket.key, groups), []).append(state)
    return {key: counted_states(states) for key, states in found.items()}


def _chosen_ports(rules: TallyRules) -> int:
    """Return the ports that a connect() chose."""
    return rules.usable & ~rules.blocked & ~rules.served
