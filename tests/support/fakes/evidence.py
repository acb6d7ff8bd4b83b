"""The evidence of an ordinary host, and what a test changes in it."""

from dataclasses import replace
from typing import Any, TypeVar

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import UNKNOWN_SOCKET, BoundSocket, SocketId
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.findings.evidence import EventRises, Evidence, QueuePeak
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable, PoolTables
from tcp_pressure_exporter.pools.usage import Usage
from tests.support.fakes.tallies import bound_tally
from tests.support.messages.socket_entries import sixteen_bytes

Value = TypeVar("Value")

# What a fresh network namespace of Linux 6.18 shows on a machine of 32 GiB.
DEFAULTS = {
    "tcp_tw_reuse": 2,
    "tcp_tw_reuse_delay": 1000,
    "tcp_timestamps": 1,
    "tcp_rfc1337": 0,
    "tcp_max_tw_buckets": 131072,
    "tcp_fin_timeout": 60,
    "ip_autobind_reuse": 0,
    "somaxconn": 4096,
    "tcp_max_syn_backlog": 2048,
    "tcp_syncookies": 1,
    "tcp_abort_on_overflow": 0,
    "tcp_syn_retries": 6,
    "tcp_synack_retries": 5,
    "tcp_retries2": 15,
    "tcp_orphan_retries": 0,
    "tcp_keepalive_time": 7200,
    "tcp_keepalive_intvl": 75,
    "tcp_keepalive_probes": 9,
    "tcp_ehash_entries": -262144,
    "nf_conntrack_buckets": 262144,
    "nf_conntrack_max": 262144,
    "nf_conntrack_tcp_timeout_syn_sent": 120,
    "nf_conntrack_tcp_timeout_established": 432000,
    "nf_conntrack_tcp_timeout_fin_wait": 120,
    "nf_conntrack_tcp_timeout_close_wait": 60,
    "nf_conntrack_tcp_timeout_time_wait": 120,
}


def known(value: Value) -> Outcome[Value]:
    return Outcome(0.1, value)


def failed(reason: str) -> Outcome[Any]:
    return Outcome(0.1, error=SourceError("source", reason))


def listener(
    port: int, queue_limit: int = 4096, queue_used: int = 0, owner_id: SocketId = UNKNOWN_SOCKET
) -> BoundSocket:
    """Return a socket that listens on 10.0.0.2."""
    address = sixteen_bytes("10.0.0.2")
    return BoundSocket(
        address=address,
        port=port,
        listening=True,
        ipv6_only=False,
        queue_used=queue_used,
        queue_limit=queue_limit,
        owner_id=owner_id,
    )


def pool(
    used: int,
    time_wait: int = 0,
    *,
    limit: int = 1000,
    reused: bool = False,
    remote: str = "10.0.0.9",
) -> ListedPool:
    """Return an outbound pool with nothing to show where it is heading."""
    key = PoolKey(sixteen_bytes("10.0.0.2"), sixteen_bytes(remote), (443).to_bytes(2))
    usage = Usage(used, limit, time_wait, 0, reused=reused)
    return ListedPool(key, "10.0.0.2", remote, "443", usage)


def heading(pool: ListedPool, steady_state_ratio: float) -> ListedPool:
    """Return the same pool, with the ratio that its closes lead to."""
    return replace(pool, outlook=Outlook(0.0, steady_state_ratio, 0.0, 0))


def outbound(*pools: ListedPool) -> Outcome[PoolTables]:
    """Return the pools of a host with these outbound ones."""
    empty = PoolTable(0, 0.0, 0.0, (), 0, 0)
    ratio_max = max((pool.usage.ratio for pool in pools), default=0.0)
    table = PoolTable(len(pools), ratio_max, ratio_max, pools, 0, 0)
    return known({OUTBOUND: table, INBOUND: empty, SOURCE: empty})


def conntrack(used: int, limit: int = 262144) -> Outcome[tuple[Resource, ...]]:
    """Return the resources of a host that tracks so many connections."""
    tracked = Resource("conntrack_entries", used, limit)
    return known((Resource("time_wait_buckets", 0, 131072), tracked))


def hidden(ports: float | None) -> Outcome[CanaryReport]:
    """Return the canary's report on hidden ports, with sockets holding half of the usual range."""
    return known(CanaryReport((), ports, held_ports=14_116))


def rises(seconds: float = 60.0, /, **amounts: int) -> Outcome[EventRises]:
    """Return what two samples so many seconds apart show of counters that rose by these amounts."""
    first = EventRises().after(dict.fromkeys(amounts, 7), 1000.0)
    later = {event: 7 + amount for event, amount in amounts.items()}
    return known(first.after(later, 1000.0 + seconds))


ORDINARY = Evidence(
    sysctls=known(DEFAULTS),
    rises=known(EventRises()),
    resources=conntrack(20),
    settings=known(PortRange(32768, 60999, 0)),
    bound=known(bound_tally([listener(22), listener(443)])),
    pools=outbound(heading(pool(12, 4, limit=28232), 0.001)),
    canary=hidden(None),
    queue_peak=known(QueuePeak("0.0.0.0:22", 0.1, 0.0)),
    refusals=known(()),
)


def with_sysctls(evidence: Evidence = ORDINARY, /, **changed: int | None) -> Evidence:
    """Return the evidence with other settings; None: the kernel does not have it."""
    values = {**evidence.sysctls.get(), **changed}
    return replace(evidence, sysctls=known({k: v for k, v in values.items() if v is not None}))
