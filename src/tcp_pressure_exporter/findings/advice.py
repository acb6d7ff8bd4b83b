"""What to do about ports: for each kind of resource, and if sockets block them."""

from collections.abc import Sequence

from tcp_pressure_exporter.findings.binding import SUBFLOWS_BIND
from tcp_pressure_exporter.findings.kinds import BLOCKED_PORTS, KINDS
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.pools.near_limit.live_states import StateCount
from tcp_pressure_exporter.pools.usage import Usage, is_mostly


def port_advice(
    kind: str,
    usage: Usage,
    holders: Sequence[OwnerCount],
    *,
    bound: bool = False,
    filling: StateCount | None = None,
) -> str:
    """Return what to do about ports of a kind, naming holders and numbers if most are blocked.

    holders: the owners of the blocked ports. bound, filling: as in Kind.advice_for.
    """
    advice = KINDS[kind].advice_for(usage, bound=bound, filling=filling)
    return f"{_held(usage, holders)} {advice}" if usage.mostly_blocked else advice


# Besides each additional subflow, its connection has a first one, whose port is not hidden.
SUBFLOWS_SHARE = 0.3


def hidden_port_advice(report: CanaryReport, usage: Usage) -> str:
    """Return what to do if sockets bound before connect() leave no port; otherwise "".

    Such ports are blocked for every destination. If they are most of a pool's ports, neither more
    addresses nor fewer connections to this destination help.
    """
    if report.subflows_hide and report.all_hidden >= SUBFLOWS_SHARE * (usage.limit or 0):
        about = "About " if report.known_hidden is None else ""
        return f"{about}{report.all_hidden:,.0f} of {usage.limit:,} {SUBFLOWS_BIND}"
    hidden = report.hidden_ports or 0.0
    if not is_mostly(hidden, usage.limit):
        return ""
    held = f"About {hidden:,.0f} of {usage.limit:,} ports belong to sockets bound before connect()."
    return f"{held} {KINDS[BLOCKED_PORTS].advice}"


def _held(usage: Usage, holders: Sequence[OwnerCount]) -> str:
    held = f"{usage.blocked:,} of {usage.limit:,} ports are bound or listened on"
    if not holders:
        return f"{held}."
    owner, ports = holders[0]
    return f"{held}, most by {owner.process or owner.service} ({ports:,})."
