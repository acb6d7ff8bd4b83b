"""The local port range: what may be chosen, what is served, and the rules that come of it."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from math import ceil

from tcp_pressure_exporter.facts.ports import PortRange, port_range, port_set, ports_of
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.tally import MAX_ROWS, Edge, PoolKey, RowRules, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.groups import DEFAULT_PORTS


@dataclass(frozen=True, slots=True)
class LocalPorts:
    """The range low..high and, as numbers of ports: reserved inside it, usable, used, listening.

    usable = range − reserved; used and listeners count inside the usable ports only.
    """

    low: int
    high: int
    reserved: int
    usable: int
    used: int
    listeners: int


def local_ports(settings: PortRange, held: int, bound: Iterable[BoundSocket]) -> LocalPorts:
    """Return the state of the local port range.

    `held` is the set of local ports of all sockets that are neither listening nor bound only.
    """
    bound = list(bound)
    usable = settings.usable
    owned = port_set(socket.port for socket in bound)
    listening = port_set(socket.port for socket in bound if socket.listening)
    return LocalPorts(
        low=settings.low,
        high=settings.high,
        reserved=(port_range(settings.low, settings.high) & settings.reserved).bit_count(),
        usable=usable.bit_count(),
        used=(usable & (held | owned)).bit_count(),
        listeners=(usable & listening).bit_count(),
    )


def choosable_ports(settings: PortRange) -> int:
    """Return how many connects (or binds to port 0) the usable ports surely allow.

    The kernel searches in steps of two over an even number of ports, so in a range of an odd
    number of ports an attempt may fail with one port still free: that one does not count.
    Source: net/ipv4/inet_hashtables.c, __inet_hash_connect; inet_connection_sock.c,
    inet_csk_find_open_port.
    """
    span = settings.high - settings.low + 1
    usable = settings.usable.bit_count()
    missed = span % 2 if span > 1 and settings.in_pairs else 0
    return max(usable - missed, 0)


# Two lengths of TIME_WAIT. A port held for longer without a pause may by now be an ephemeral one.
MEMORY_SECONDS = 120.0

ServedPorts = Mapping[int, float]


def served_ports(previous: ServedPorts, listening: int, held: int, now: float) -> ServedPorts:
    """Return the served ports with the time (of `now`'s clock) each was last seen listening.

    `listening` is the set of ports that listen now, `held` the set of local ports that sockets
    held at the sample before (facts/ports.py).
    """
    draining = {
        port: seen
        for port, seen in previous.items()
        if held >> port & 1 and now - seen < MEMORY_SECONDS
    }
    return draining | dict.fromkeys(ports_of(listening), now)


@dataclass(frozen=True, slots=True)
class TallyRequest:
    """What a dump is asked to tell beyond the kernel's rules.

    since: the edge of the dump before. kept_states: as in TallyRules.
    min_ratio: pools less used need no row. max_rows, watched: as in RowRules.
    """

    since: Edge | None = None
    kept_states: int = 0
    min_ratio: float = 0.0
    max_rows: int = MAX_ROWS
    watched_outbound: Collection[PoolKey] = ()
    watched_inbound: Collection[PoolKey] = ()


def tally_rules(
    settings: PortRange,
    reuse: TimeWaitReuse,
    bound: Iterable[BoundSocket],
    served: ServedPorts,
    request: TallyRequest,
) -> TallyRules:
    """Return the rules: a bound, listening or accepted socket blocks its port for connect().

    Source: net/ipv4/inet_hashtables.c, __inet_hash_connect skips a port whose bind bucket was
    made by bind(), whatever the address and family.
    """
    accepted = port_set(served)
    blocked = settings.usable & (accepted | port_set(socket.port for socket in bound))
    outbound = ceil(request.min_ratio * choosable_ports(settings)) - blocked.bit_count()
    inbound = ceil(request.min_ratio * DEFAULT_PORTS)
    return TallyRules(
        usable=settings.usable,
        blocked=blocked,
        served=accepted,
        reuse=reuse,
        since=request.since,
        outbound_rows=RowRules(max(outbound, 0), request.max_rows, request.watched_outbound),
        inbound_rows=RowRules(inbound, request.max_rows, request.watched_inbound),
        kept_states=request.kept_states,
    )


def states_only_rules(served: ServedPorts, request: TallyRequest) -> TallyRules:
    """Return rules for a dump without known settings: states count, no outbound pool does."""
    never = TimeWaitReuse(everywhere=False, on_loopback=False)
    return TallyRules(
        usable=0,
        blocked=0,
        served=port_set(served),
        reuse=never,
        kept_states=request.kept_states,
    )
