"""The local ports that bound sockets and listeners hold, in words: how many, and whose."""

from collections.abc import Sequence

from tcp_pressure_exporter.findings.binding import SUBFLOWS_BIND
from tcp_pressure_exporter.findings.kinds import BLOCKED_PORTS, KINDS
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.pools.near_limit.live_states import StateCount
from tcp_pressure_exporter.pools.usage import Usage, is_mostly


def advice_on(
    kind: str,
    usage: Usage,
    holders: Sequence[OwnerCount],
    *,
    bound: bool = False,
    filling: StateCount | None = None,
) -> str:
    """Return what to do about ports of a kind; where most are blocked, with how many and whose.

    holders: whose the blocked ports are. bound, filling: as Kind.advice_for has them.
    """
    advice = KINDS[kind].advice_for(usage, bound=bound, filling=filling)
    return f"{_held(usage, holders)} {advice}" if usage.mostly_blocked else advice


# Beside each additional subflow there is the first one of its connection, whose port is not hidden.
SUBFLOWS_SHARE = 0.3


def advice_on_hidden(report: CanaryReport, usage: Usage) -> str:
    """Return what to do where sockets bound before connect() leave no port; else "".

    Such ports are open to no destination. Where they are most of a pool's ports, more addresses do
    not help, nor fewer connections to this destination.
    """
    hidden = report.hidden_ports or 0.0
    if report.subflows_hide and hidden >= SUBFLOWS_SHARE * (usage.limit or 0):
        return f"About {hidden:,.0f} of {usage.limit:,} {SUBFLOWS_BIND}"
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


def held_sentence(used: int, limit: int) -> str:
    """Say how many local ports are held, of how many that connect() may choose from."""
    if limit == 0:
        return "There is no usable local port: connect() fails, whatever the destination."
    held = "local ports are held by bound sockets and listeners"
    if used >= limit:
        return f"All {limit:,} {held}: connect() fails, whatever the destination."
    return f"{used:,} of {limit:,} {held}."
