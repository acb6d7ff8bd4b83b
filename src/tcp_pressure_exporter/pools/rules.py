"""From settings and bound sockets to the rules by which a dump is counted."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from math import ceil

from tcp_pressure_exporter.facts.ports import PortRange, port_set
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.tally import MAX_ROWS, Edge, PoolKey, RowRules, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.groups import DEFAULT_PORTS
from tcp_pressure_exporter.pools.local_ports import ServedPorts, choosable_ports


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
