"""The local port range: which ports can be chosen, which are served, and the rules that follow."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil

from tcp_pressure_exporter.facts.bound import BoundTally
from tcp_pressure_exporter.facts.ports import PortRange, port_range, port_set, ports_of
from tcp_pressure_exporter.facts.sockets import Owner, SocketId
from tcp_pressure_exporter.facts.tally import (
    MAX_ROWS,
    NEVER_WHOLE,
    Edge,
    NetworkPorts,
    PoolKey,
    RowRules,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.explicit import row_rules
from tcp_pressure_exporter.pools.groups import NO_GROUPS, RemoteGroups
from tcp_pressure_exporter.pools.listing import OwnerCount, most_owners

# Ports, and when each was last seen listening: see served_ports.
ServedPorts = Mapping[int, float]


@dataclass(frozen=True, slots=True)
class LocalPorts:
    """The range low..high and, as numbers of ports: reserved inside it, usable, used, listening.

    usable = range − reserved; used, listeners and blocked count inside the usable ports only.
    choosable: how many connect() is sure to find if nothing holds any. blocked: ports that no
    connect() can choose, to any destination, because a socket was bound there. owners: who holds
    most of these, counted in ports; none if few are blocked. time_wait_hold: seconds for which a
    closed connection keeps its port at most; None where not known. hidden: of the blocked ports,
    those of connections that look in every list of sockets as if connect() had chosen their port;
    None where the kernel's table of bound ports is not known, and `blocked` lacks them. settings,
    reuse: what all this follows from; None where they have not been added.
    """

    low: int
    high: int
    reserved: int
    usable: int
    used: int
    listeners: int
    choosable: int
    blocked: int
    owners: tuple[OwnerCount, ...] = ()
    time_wait_hold: float | None = None
    hidden: int | None = None
    settings: PortRange | None = None
    reuse: TimeWaitReuse | None = None

    @property
    def blocked_ratio(self) -> float:
        """Blocked ÷ choosable; 1 if there is no port to choose."""
        return self.blocked / self.choosable if self.choosable else 1.0


def local_ports(
    settings: PortRange,
    held: int,
    bound: BoundTally,
    served: ServedPorts,
    skipped: int | None = None,
) -> LocalPorts:
    """Return the state of the local port range.

    `held` is the set of local ports of all sockets that are neither listening nor bound only.
    `skipped` is the set from the kernel's table of bound ports, None where it is not known.
    """
    usable = settings.usable
    accepted = port_set(served)
    owned = bound.owned if skipped is None else bound.listening | skipped
    return LocalPorts(
        low=settings.low,
        high=settings.high,
        reserved=(port_range(settings.low, settings.high) & settings.reserved).bit_count(),
        usable=usable.bit_count(),
        used=(usable & (held | owned)).bit_count(),
        listeners=(usable & bound.listening).bit_count(),
        choosable=choosable_ports(settings),
        blocked=blocked_ports(settings, bound.owned, accepted, skipped).bit_count(),
        hidden=None
        if skipped is None
        else (usable & held & skipped & ~bound.owned & ~accepted).bit_count(),
    )


def blocked_ports(settings: PortRange, owned: int, served: int, skipped: int | None = None) -> int:
    """Return the set of usable ports that a bound, listening or accepted socket blocks.

    owned: the ports of bound and listening sockets. served: those of accepted ones. skipped: the
    set from the kernel's table of bound ports, which is authoritative; None where it is not known.
    Source: net/ipv4/inet_hashtables.c, __inet_hash_connect skips a port whose bind bucket was
    made by bind(), whatever the address and family.
    """
    return settings.usable & (owned | served if skipped is None else skipped)


MAX_OWNERS = 3  # of the blocked ports


def blocked_port_owners(
    settings: PortRange, bound: BoundTally, owner: Callable[[SocketId], Owner]
) -> tuple[OwnerCount, ...]:
    """Return who holds most of the blocked ports; an owner's sockets may share a port."""
    usable = settings.usable
    inside = (socket for socket in bound.kept if usable >> socket.port & 1)
    holders = {(owner(socket.owner_id), socket.port) for socket in inside}
    return most_owners((holder for holder, _port in sorted(holders)), MAX_OWNERS)


def choosable_ports(settings: PortRange) -> int:
    """Return how many connects (or binds to port 0) the usable ports are certain to allow.

    The kernel searches an even number of ports in steps of two, so in a range with an odd number of
    ports an attempt may fail with one port still free: that port does not count.
    Source: net/ipv4/inet_hashtables.c, __inet_hash_connect; inet_connection_sock.c,
    inet_csk_find_open_port.
    """
    span = settings.high - settings.low + 1
    usable = settings.usable.bit_count()
    missed = span % 2 if span > 1 and settings.in_pairs else 0
    return max(usable - missed, 0)


# Two lengths of TIME_WAIT. A port held without a break for longer may have become an ephemeral one.
MEMORY_SECONDS = 120.0


def served_ports(previous: ServedPorts, listening: int, held: int, now: float) -> ServedPorts:
    """Return the served ports with the time (on `now`'s clock) each was last seen listening.

    `listening` is the set of ports that listen now, `held` the set of local ports that sockets held
    at the previous sample (facts/ports.py).
    """
    draining = {
        port: seen
        for port, seen in previous.items()
        if held >> port & 1 and now - seen < MEMORY_SECONDS
    }
    return draining | dict.fromkeys(ports_of(listening), now)


@dataclass(frozen=True, slots=True)
class TallyRequest:
    """What a dump is to report beyond the kernel's rules; skipped: as in blocked_ports.

    since: the edge of the previous dump. kept_states: as in TallyRules.
    min_ratio: pools below it need no row. max_rows, watched: as in RowRules. near_ratio: outbound
    pools whose ports, the reclaimable ones included, reach it get a row; None: no such rule. own,
    sources: as in TallyRules. groups: whose pools are added up.
    """

    since: Edge | None = None
    kept_states: int = 0
    min_ratio: float = 0.0
    near_ratio: float | None = None
    max_rows: int = MAX_ROWS
    watched_outbound: Collection[PoolKey] = ()
    watched_inbound: Collection[PoolKey] = ()
    own: Sequence[NetworkPorts] = ()
    sources: Sequence[NetworkPorts] = ()
    groups: RemoteGroups = NO_GROUPS
    skipped: int | None = None


def tally_rules(
    settings: PortRange,
    reuse: TimeWaitReuse,
    bound: BoundTally,
    served: ServedPorts,
    request: TallyRequest,
) -> TallyRules:
    """Return the rules that follow from the settings and the bound sockets."""
    accepted = port_set(served)
    blocked = blocked_ports(settings, bound.owned, accepted, request.skipped)
    inbound = ceil(request.min_ratio * request.groups.fewest_ports)
    return TallyRules(
        usable=settings.usable,
        blocked=blocked,
        served=accepted,
        reuse=reuse,
        since=request.since,
        outbound_rows=_outbound_rows(request, choosable_ports(settings), blocked.bit_count()),
        inbound_rows=RowRules(
            inbound, request.max_rows, request.watched_inbound, groups=request.groups.networks
        ),
        kept_states=request.kept_states,
        own=request.own,
        sources=request.sources,
        privileged_rows=row_rules(request.watched_outbound, privileged=True),
        explicit_rows=row_rules(request.watched_outbound, privileged=False),
    )


def _outbound_rows(request: TallyRequest, limit: int, blocked: int) -> RowRules:
    """Return the rules; ratios compare a pool's ports plus the blocked ones with the limit."""
    near = request.near_ratio
    return RowRules(
        min_used=max(ceil(request.min_ratio * limit) - blocked, 0),
        max_rows=request.max_rows,
        watched=tuple(key for key in request.watched_outbound if not key.ports),
        whole_from=NEVER_WHOLE if near is None else max(ceil(near * limit) - blocked, 0),
        groups=request.groups.networks,
    )


def states_only_rules(served: ServedPorts, request: TallyRequest) -> TallyRules:
    """Return rules for a dump without known settings: it counts states but no outbound pools."""
    never = TimeWaitReuse(everywhere=False, on_loopback=False)
    return TallyRules(
        usable=0,
        blocked=0,
        served=port_set(served),
        reuse=never,
        kept_states=request.kept_states,
    )
