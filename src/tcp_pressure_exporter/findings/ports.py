"""Findings about local ports and TIME_WAIT: each check returns what it found, or None."""

from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.time_wait import TIME_WAIT_HOLD
from tcp_pressure_exporter.findings.evidence import Evidence
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.table import ListedPool

SHOWN = 5  # ports in one detail
HALF_FULL = 0.5  # ratio of a pool: connect() slows down, and a burst does not get so far
HIDDEN_WORTH_IT = 0.05  # of the usable ports; the estimate errs by less than 0.02
FIN_TIMEOUT_SECONDS = 60  # the default: TCP_FIN_TIMEOUT, include/net/tcp.h
REUSE_DELAY_MS = 1_000  # the default, and the slowest clock's tick: RFC 7323, section 5.4


def tw_recycle_enabled(facts: Evidence) -> str | None:
    """Find tcp_tw_recycle, which drops SYNs by one timestamp per address (until Linux 4.11)."""
    mode = facts.sysctl("tcp_tw_recycle")
    return f"net.ipv4.tcp_tw_recycle = {mode}" if mode else None


def port_range_too_small(facts: Evidence) -> str | None:
    """Find an outbound pool that is nearly full, or half full and closing so fast that it will be.

    Not only what the closes lead to: in a full pool they are no faster than ports come back.
    """
    nearly_full = KINDS[OUTBOUND].critical
    for pool in facts.outbound().listed:
        usage, outlook = pool.usage, pool.outlook
        to_come = outlook.steady_state_ratio if outlook else 0.0
        needed = max(usage.used, round(to_come * usage.limit))
        if usage.ratio >= HALF_FULL and needed >= nearly_full * usage.limit:
            return f"{pool_ends(pool)} needs {needed} ports, of {usage.limit}"
    return None


def tw_reuse_off_under_pressure(facts: Evidence) -> str | None:
    """Find a half full outbound pool, mostly of TIME_WAIT that tcp_tw_reuse = 1 would give back."""
    mode = facts.sysctl("tcp_tw_reuse")
    if mode not in (0, 2) or facts.sysctl("tcp_timestamps") == 0:
        return None
    for pool in facts.outbound().listed:
        usage = pool.usage
        if usage.hold != TIME_WAIT_HOLD:
            continue  # reuse is on for this pool: its addresses are on loopback
        if usage.ratio >= HALF_FULL and (usage.time_wait or 0) * 2 > usage.used:
            held = f"{usage.time_wait} of {usage.limit} ports in TIME_WAIT"
            return f"{pool_ends(pool)}: {held}, net.ipv4.tcp_tw_reuse = {mode}"
    return None


def tw_reuse_without_timestamps(facts: Evidence) -> str | None:
    """Find reuse that somebody wants and that lacks timestamps (tcp_twsk_unique, tcp_ipv4.c)."""
    if facts.sysctl("tcp_tw_reuse") == 1 and facts.sysctl("tcp_timestamps") == 0:
        return "net.ipv4.tcp_tw_reuse = 1, net.ipv4.tcp_timestamps = 0"
    return None


def tw_reuse_delay_lowered(facts: Evidence) -> str | None:
    """Find reuse before the peer's clock ticks, when PAWS cannot tell old segments from new."""
    delay = facts.sysctl("tcp_tw_reuse_delay")
    if delay is None or delay >= REUSE_DELAY_MS or facts.sysctl("tcp_tw_reuse") != 1:
        return None  # reuse on loopback only: both ends have the same, fast clock
    return f"net.ipv4.tcp_tw_reuse_delay = {delay}"


def bind_before_connect(facts: Evidence) -> str | None:
    """Find ports taken by bind(address, 0): they are closed to every other destination too."""
    hidden = facts.hidden_ports()
    usable = facts.settings.get().usable.bit_count()
    if hidden < HIDDEN_WORTH_IT * usable or not hidden:
        return None
    return f"about {hidden:.0f} of {usable} local ports"


def listener_in_port_range(facts: Evidence) -> str | None:
    """Find services whose port the kernel may give to a connection while they restart."""
    sockets = sorted(facts.listeners_in_range(), key=lambda socket: socket.port)
    found = {_listener(socket, facts): None for socket in sockets}
    return shortened(list(found)) if found else None


def odd_port_range(facts: Evidence) -> str | None:
    """Find an odd range: the kernel's search goes in steps of two (net/ipv4/inet_hashtables.c)."""
    settings = facts.settings.get()
    span = settings.high - settings.low + 1
    if span % 2 == 0 or span == 1:
        return None  # a single port is not missed
    return f"net.ipv4.ip_local_port_range = {settings.low} {settings.high}: {span} ports"


def max_tw_buckets_lowered(facts: Evidence) -> str | None:
    """Find less than half the hash table, the default (net/ipv4/tcp_ipv4.c, tcp_set_hashinfo).

    Kernels before 6.1 do not tell the size of the table: nothing is found there.
    """
    limit = facts.sysctl("tcp_max_tw_buckets")
    entries = facts.sysctl("tcp_ehash_entries")
    default = None if entries is None else abs(entries) // 2
    if limit is None or default is None or limit >= default:
        return None
    return f"net.ipv4.tcp_max_tw_buckets = {limit}, the kernel's default here is {default}"


def fin_timeout_lowered(facts: Evidence) -> str | None:
    """Find a shorter life of orphans in FIN_WAIT2 (Documentation/networking/ip-sysctl.rst)."""
    seconds = facts.sysctl("tcp_fin_timeout")
    if seconds is None or seconds >= FIN_TIMEOUT_SECONDS:
        return None
    return f"net.ipv4.tcp_fin_timeout = {seconds}"


def pool_ends(pool: ListedPool) -> str:
    """Write the fixed ends of an outbound pool."""
    remote = f"[{pool.remote_address}]" if ":" in pool.remote_address else pool.remote_address
    return f"{pool.local_address} → {remote}:{pool.port}"


def shortened(items: list[str]) -> str:
    """Join the first few."""
    more = f" and {len(items) - SHOWN} more" if len(items) > SHOWN else ""
    return ", ".join(items[:SHOWN]) + more


def _listener(socket: BoundSocket, facts: Evidence) -> str:
    owner = facts.owners.get(socket.owner_id)
    whose = owner and ", ".join(filter(None, owner))
    return f"port {socket.port} ({whose})" if whose else f"port {socket.port}"
