"""Which pools are looked at closely: the few that may be full soon.

The kernel is asked about them (the canary), their owners are looked for, and ports that sockets
hold which were bound before they connected are estimated: such a port is closed to every connect(),
and sock_diag does not tell it from others.
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
    """A pool to ask about, as Canary.probe takes it."""

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

    no_estimate: why the kernel did not tell, "" where it did or had no need to be asked.
    held_ports: the ports of which some are hidden. bound_ports: those of sockets that are bound and
    not connected. subflows: additional MPTCP subflows, at most so many are open; each binds its
    port before it connects (net/mptcp/subflow.c, __mptcp_subflow_connect). known_hidden: the hidden
    ports where their number is exact, and part of the pools; then no estimate is made.
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
        """The hidden ports, exactly or as estimated; 0 where nobody was asked."""
        return (self.hidden_ports if self.known_hidden is None else self.known_hidden) or 0.0

    @property
    def subflows_hide(self) -> bool:
        """Whether MPTCP has opened so many subflows that most hidden ports may be theirs."""
        return self.all_hidden > 0 and 2 * self.subflows > self.all_hidden

    def refusals(self) -> Iterator[Probe]:
        """Yield the probes that found no port."""
        return (probe for probe in self.probes if probe.verdict.success is False)

    def bound_before(self, usage: Usage) -> bool:
        """Tell whether most of the ports that a pool has in TIME_WAIT surely are hidden ones.

        Hidden ports that find no room among all other held ports must be among these. Where no
        estimate was made nothing is sure: there are none, or they are known and count as blocked.
        """
        if self.hidden_ports is None:
            return False
        waiting = usage.time_wait or 0
        return is_mostly(self.hidden_ports - (self.held_ports - waiting), waiting)


def canary_targets(
    outbound: PoolTable, tally: SocketTally, rules: TallyRules, hidden_ports: float, near: float
) -> list[Target]:
    """Return the fullest of the listed outbound pools near their limit; a group is none.

    near: the ratio of ports, hidden ones included, to the limit from which a pool is asked
    about. A search holds a free port for microseconds and costs up to some milliseconds: only
    where it may matter.
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
    """Tell whether a connect() may take over a TIME_WAIT entry of the pool, now or in a moment."""
    return bool(usage.time_wait) and usage.reused


def _free_ports(key: PoolKey, tally: SocketTally, rules: TallyRules) -> int:
    """Return the ports that surely no socket of the pool holds (facts/ports.py)."""
    found = ports_for_connect(tally.by_address, LocalAddress(key.local_address, key.scope))
    held = tally.held if found is None or tally.address_overflow else found.held
    return rules.usable & ~rules.blocked & ~rules.served & ~held


# Highest ratio of the outbound and source pools from which hidden ports may matter.
WORTH_ASKING = 0.3
SAMPLES = 12  # a minute at the default interval: 768 ports asked, an error of some per cent


def candidates(tally: SocketTally, rules: TallyRules) -> int:
    """Return the ports that may be hidden (facts/ports.py): held, and not known to be bound."""
    nowhere = tally.by_address.get(LocalAddress(NOWHERE.local_address))
    own = nowhere.held if nowhere else 0
    return rules.usable & tally.held & ~rules.blocked & ~own


MPTCP_SUBFLOWS_MAX = 8  # net/mptcp/pm.c: MPTCP_PM_ADDR_MAX, of one connection


def open_subflows(statistics: Mapping[str, int]) -> int:
    """Return how many additional MPTCP subflows of this host may be open at most.

    That is no more than it ever opened (MPJoinSynAckRx, Linux 5.7), nor than its connections of
    now can have (MPCurrEstab, Linux 6.3). Source: net/mptcp/mib.c.
    """
    joined = statistics.get("MPJoinSynAckRx", 0)
    connections = statistics.get("MPCurrEstab")
    return joined if connections is None else min(joined, MPTCP_SUBFLOWS_MAX * connections)


def bound_only(bound: BoundTally, rules: TallyRules) -> int:
    """Return how many usable ports are held by sockets that are bound and not connected."""
    return (rules.usable & bound.bound_only).bit_count()


def unused_destinations(outbound: PoolTable) -> list[PoolKey]:
    """Return ends that nobody uses, to ask from about the ports alone.

    Where `lo` is down, or has 127.0.0.1 alone, there is no way to NOWHERE; then the ends of a pool
    serve, to which there surely is one, with another remote port.
    """
    used = (pool.key for pool in outbound.listed if isinstance(pool.key, PoolKey))
    others = [key._replace(port=UNUSED_PORT) for key in used if key.port != UNUSED_PORT]
    return [NOWHERE, *dict.fromkeys(others[:MAX_TARGETS])]


@dataclass(frozen=True, slots=True)
class HiddenPorts:
    """What the last samples showed: (asked, hidden) of each, and the candidates of the newest."""

    samples: tuple[tuple[int, int], ...] = ()
    candidates: int = 0

    def after(self, candidates: int, asked: int, hidden: int) -> "HiddenPorts":
        """Return the estimate after one more sample."""
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
    """A pool that is urgent or was lately, its owners, and the states of its live sockets.

    owners: those with the most live sockets in the looks of the last minutes. states: of a pool
    that is urgent now.
    """

    pool: ListedPool
    owners: tuple[SeenOwner, ...]
    states: tuple[StateCount, ...] = ()


MOST_KNOWN = 16  # owners of one pool


def remote_ends(pools: Iterable[ListedPool]) -> list[RemoteEnd]:
    """Return whom to ask the kernel about; of a group, every address."""
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
    """Return how many of each pool's live sockets are in which state, the most frequent first."""
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
