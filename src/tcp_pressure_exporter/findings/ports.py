"""Findings about local ports and TIME_WAIT, each with its check."""

from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.figures import period
from tcp_pressure_exporter.findings.binding import are_many
from tcp_pressure_exporter.findings.evidence import Evidence
from tcp_pressure_exporter.findings.finding import Finding, shortened
from tcp_pressure_exporter.findings.kinds import BLOCKED_PORTS, KINDS, TIME_WAIT_BUCKETS, Severity
from tcp_pressure_exporter.pools.directions import OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.near_limit.live_states import OPEN
from tcp_pressure_exporter.pools.table import pool_name

HALF_FULL = 0.5  # ratio of a pool: connect() slows down, and a burst alone does not get this far
FIN_TIMEOUT_SECONDS = 60  # the default: TCP_FIN_TIMEOUT, include/net/tcp.h
RECYCLED = "TWRecycled"  # LINUX_MIB_TIMEWAITRECYCLED: ports that connect() took over
REUSE_DELAY_MS = 1_000  # the default, and the slowest clock's tick: RFC 7323, section 5.4


def tw_recycle_enabled(evidence: Evidence) -> str | None:
    """Find tcp_tw_recycle, which drops SYNs by one timestamp per address (up to Linux 4.11)."""
    mode = evidence.sysctl("tcp_tw_recycle")
    return f"net.ipv4.tcp_tw_recycle = {mode}" if mode else None


TW_RECYCLE_ENABLED = Finding(
    "tw_recycle_enabled",
    Severity.CRITICAL,
    "tcp_tw_recycle drops connections from clients behind NAT: set it to 0.",
    tw_recycle_enabled,
)


def port_range_too_small(evidence: Evidence) -> str | None:
    """Find an outbound pool that is nearly full, or half full and closing fast enough for it.

    Where the closes lead is not enough: in a full pool they are only as fast as ports come back.
    """
    nearly_full = KINDS[OUTBOUND].critical
    for pool in evidence.outbound().listed:
        usage, outlook = pool.usage, pool.outlook
        if usage.limit is None or pool.key.ports:
            continue  # its ports are not in the range either
        if usage.mostly_blocked or evidence.filling(pool) not in {"", OPEN}:
            continue  # the live connections do not need that many
        to_come = outlook.steady_state_ratio if outlook else 0.0
        needed = max(usage.used, round(to_come * usage.limit))
        if usage.ratio >= HALF_FULL and needed >= nearly_full * usage.limit:
            need = f"needs {needed:,}" if needed > usage.used else f"{needed:,} are in use"
            return f"{pool_name(OUTBOUND, pool)} has {usage.limit:,} local ports; {need}"
    return None


PORT_RANGE_TOO_SMALL = Finding(
    "port_range_too_small",
    Severity.WARNING,
    "Connections to one destination need almost all local ports, or more than there are: reuse"
    " connections, or add addresses or ports.",
    port_range_too_small,
    systems=None,
    about=(OUTBOUND,),
    restates=True,
)


def tw_reuse_off_under_pressure(evidence: Evidence) -> str | None:
    """Find a half full outbound pool, mostly in TIME_WAIT that tcp_tw_reuse = 1 would give back."""
    mode = evidence.sysctl("tcp_tw_reuse")
    if mode not in (0, 2) or evidence.sysctl("tcp_timestamps") == 0:
        return None
    for pool in evidence.outbound().listed:
        usage = pool.usage
        if pool.key.ports:
            continue  # bind() gets no port back
        if usage.reused or usage.refused is not None:
            continue  # reuse is on for this pool: its addresses are on loopback
        if evidence.bound_before(pool):
            continue  # nothing gives such ports back
        if usage.ratio >= HALF_FULL and usage.mostly_time_wait:
            held = f"{usage.time_wait:,} of {usage.limit:,} ports in TIME_WAIT"
            return f"{pool_name(OUTBOUND, pool)}: {held}, net.ipv4.tcp_tw_reuse = {mode}"
    return None


TW_REUSE_OFF_UNDER_PRESSURE = Finding(
    "tw_reuse_off_under_pressure",
    Severity.WARNING,
    "A pool is at least half full, mostly of TIME_WAIT: tcp_tw_reuse = 1 frees such ports"
    " after one second, if the peer sends timestamps and the client does not bind.",
    tw_reuse_off_under_pressure,
    about=(OUTBOUND,),
    restates=True,
)


def tw_reuse_without_timestamps(evidence: Evidence) -> str | None:
    """Find reuse that is switched on but lacks timestamps (tcp_twsk_unique, tcp_ipv4.c)."""
    if evidence.sysctl("tcp_tw_reuse") == 1 and evidence.sysctl("tcp_timestamps") == 0:
        return "net.ipv4.tcp_tw_reuse = 1, net.ipv4.tcp_timestamps = 0"
    return None


TW_REUSE_WITHOUT_TIMESTAMPS = Finding(
    "tw_reuse_without_timestamps",
    Severity.WARNING,
    "tcp_tw_reuse has no effect without timestamps: set tcp_timestamps to 1.",
    tw_reuse_without_timestamps,
    about=(OUTBOUND,),
)


def tw_reuse_refused(evidence: Evidence) -> str | None:
    """Find an outbound pool whose TIME_WAIT ports connect() is refused in spite of tcp_tw_reuse."""
    for pool in evidence.outbound().listed:
        if pool.usage.refused:
            refused = f"about {pool.usage.refused:,} of {pool.usage.time_wait or 0:,} ports"
            name, recycled = pool_name(OUTBOUND, pool), _recycled(evidence)
            return f"{name}: {refused} in TIME_WAIT cannot be reused{recycled}"
    return None


def _recycled(evidence: Evidence) -> str:
    """Say how many ports were taken over meanwhile, in all pools; nothing after a single sample."""
    rises = evidence.rises.value
    if rises is None or rises.seconds < 1:
        return ""
    return f", {RECYCLED} rose by {rises.risen(RECYCLED):,} in the last {period(rises.seconds)}"


TW_REUSE_REFUSED = Finding(
    "tw_reuse_refused",
    Severity.CALM,
    "The kernel does not reuse ports in TIME_WAIT although tcp_tw_reuse is on: the peer sends"
    " no timestamps, or the client binds before it connects.",
    tw_reuse_refused,
    exported=False,
    about=(OUTBOUND,),
)


def tw_reuse_delay_lowered(evidence: Evidence) -> str | None:
    """Find reuse before the peer's clock ticks, when PAWS cannot tell old segments from new."""
    delay = evidence.sysctl("tcp_tw_reuse_delay")
    if delay is None or delay >= REUSE_DELAY_MS or evidence.sysctl("tcp_tw_reuse") != 1:
        return None  # reuse on loopback only: both ends share one fast clock
    return f"net.ipv4.tcp_tw_reuse_delay = {delay}"


TW_REUSE_DELAY_LOWERED = Finding(
    "tw_reuse_delay_lowered",
    Severity.CALM,
    "tcp_tw_reuse_delay may be shorter than one tick of a peer's timestamp clock: restore 1000.",
    tw_reuse_delay_lowered,
)


def bind_before_connect(evidence: Evidence) -> str | None:
    """Find ports taken by bind(address, 0): they are blocked for every other destination too."""
    return None if evidence.subflows_hide() else _hidden(evidence)


def _hidden(evidence: Evidence) -> str | None:
    hidden = evidence.hidden_ports()
    usable = evidence.settings.get().usable.bit_count()
    about = "about " if evidence.hidden is None else ""
    return f"{about}{hidden:,.0f} of {usable:,} local ports" if are_many(hidden, usable) else None


BIND_BEFORE_CONNECT = Finding(
    "bind_before_connect",
    Severity.WARNING,
    "Applications bind before they connect, which blocks the port for all destinations:"
    " IP_BIND_ADDRESS_NO_PORT avoids that.",
    bind_before_connect,
    about=(BLOCKED_PORTS, SOURCE),
    restates=True,
)


def mptcp_subflows_bind(evidence: Evidence) -> str | None:
    """Find ports taken by MPTCP's additional subflows, each of which the kernel binds."""
    return _hidden(evidence) if evidence.subflows_hide() else None


MPTCP_SUBFLOWS_BIND = Finding(
    "mptcp_subflows_bind",
    Severity.WARNING,
    "MPTCP's additional subflows block their ports for all destinations, because the kernel"
    " binds them: give MPTCP fewer endpoints, or widen the local port range.",
    mptcp_subflows_bind,
    exported=False,
    about=(BLOCKED_PORTS, SOURCE),
    restates=True,
)


def listener_in_port_range(evidence: Evidence) -> str | None:
    """Find services whose port the kernel may give to a connection while they restart."""
    found = {_listener(socket, evidence): None for socket in evidence.listeners_in_range()}
    return shortened(list(found), total=evidence.listening_in_range()) if found else None


LISTENER_IN_PORT_RANGE = Finding(
    "listener_in_port_range",
    Severity.CALM,
    "A service listens inside the local port range, so it may find its port taken when it"
    " restarts: reserve the port (on Linux in ip_local_reserved_ports).",
    listener_in_port_range,
    systems=None,
)


def _listener(socket: BoundSocket, evidence: Evidence) -> str:
    owner = evidence.owners.get(socket.owner_id)
    whose = owner and ", ".join(filter(None, owner))
    return f"port {socket.port} ({whose})" if whose else f"port {socket.port}"


def odd_port_range(evidence: Evidence) -> str | None:
    """Find an odd range: the kernel searches in steps of two (net/ipv4/inet_hashtables.c)."""
    settings = evidence.settings.get()
    span = settings.high - settings.low + 1
    if span % 2 == 0 or span == 1:
        return None  # a single port is never missed
    return f"net.ipv4.ip_local_port_range = {settings.low} {settings.high}: {span:,} ports"


ODD_PORT_RANGE = Finding(
    "odd_port_range",
    Severity.CALM,
    "The local port range has an odd number of ports, so the kernel may miss the last one:"
    " make the number even.",
    odd_port_range,
)


def max_tw_buckets_lowered(evidence: Evidence) -> str | None:
    """Find a limit below the default, half the hash table (net/ipv4/tcp_ipv4.c, tcp_set_hashinfo).

    Kernels before 6.1 do not show the size of the table, so nothing is found there.
    """
    limit = evidence.sysctl("tcp_max_tw_buckets")
    entries = evidence.sysctl("tcp_ehash_entries")
    default = None if entries is None else abs(entries) // 2
    if limit is None or default is None or limit >= default:
        return None
    return f"net.ipv4.tcp_max_tw_buckets = {limit}; the kernel's default here is {default}"


MAX_TW_BUCKETS_LOWERED = Finding(
    "max_tw_buckets_lowered",
    Severity.WARNING,
    "tcp_max_tw_buckets was lowered: connections beyond it lose the protection of TIME_WAIT."
    " Restore the default.",
    max_tw_buckets_lowered,
    about=(TIME_WAIT_BUCKETS,),
)


def fin_timeout_lowered(evidence: Evidence) -> str | None:
    """Find a shorter life for orphans in FIN_WAIT2 (Documentation/networking/ip-sysctl.rst).

    It is not a finding while such orphans fill a pool: then it is the remedy.
    """
    seconds = evidence.sysctl("tcp_fin_timeout")
    if seconds is None or seconds >= FIN_TIMEOUT_SECONDS or evidence.orphans_fill_a_pool():
        return None
    return f"net.ipv4.tcp_fin_timeout = {seconds}"


FIN_TIMEOUT_LOWERED = Finding(
    "fin_timeout_lowered",
    Severity.CALM,
    "A lower tcp_fin_timeout shortens FIN_WAIT2, not TIME_WAIT, and cuts off slow peers:"
    " restore 60, unless orphans in FIN_WAIT2 would then fill a pool.",
    fin_timeout_lowered,
)
