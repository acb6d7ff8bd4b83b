"""What the status page has to show about three hosts: a calm one, a proxy in trouble, a leak."""

import math
from collections.abc import Sequence

from tcp_pressure_exporter.facts.close_wait import CAUSES
from tcp_pressure_exporter.facts.failures import FailureKind
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, Owner
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.table import FINDINGS
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.near_limit.closer_look import PoolOwners
from tcp_pressure_exporter.pools.table import Churn, ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.close_wait import CauseCount, CloseWait
from tcp_pressure_exporter.sample.counted.failures import (
    FailureOwner,
    PortFailures,
    RecentCount,
    RecentFailures,
)
from tcp_pressure_exporter.sample.exporter import ExporterState
from tcp_pressure_exporter.sample.sample import LIMITS, NamespaceSample, Sample
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.past.history import Line, SeriesKey, observed_values
from tests.daemon.test_series_budget import fullest
from tests.support.fakes.evidence import known
from tests.support.fakes.samples import namespace_sample, with_parts
from tests.support.messages.socket_entries import sixteen_bytes

WHEN = 1_795_198_751.0  # 2026-11-20 20:19:11 UTC
LIMIT = 28_232
EXPORTER = ExporterState("1.2.3", "3.11.2", "compiled")
NOBODY_STUCK = CloseWait(dict.fromkeys(CAUSES, CauseCount(0, 0.0)), (), (), 0)
SETTINGS = (("--sample.interval", "5 s"), ("groups", "lb"))


def pool(  # noqa: PLR0913 - the figures of a pool
    local: str,
    remote: str,
    port: str,
    used: int,
    time_wait: int,
    *,
    left: float = math.inf,
    heads_for: float = 0.1,
    limit: int = LIMIT,
) -> ListedPool:
    """Return a pool that is full in that many seconds."""
    number = (int(port) if port else 0).to_bytes(2)
    key = PoolKey(sixteen_bytes(local), sixteen_bytes(remote or "0.0.0.0"), number)
    outlook = Outlook(left, heads_for, 400.0, 500)
    return ListedPool(key, local, remote, port, Usage(used, limit, time_wait, 0), 1, outlook)


def table(*pools: ListedPool, count: int | None = None, others: int = 0) -> PoolTable:
    """Return the table of a direction; others: ports used in the pools that are not listed."""
    ratio = max((one.usage.ratio for one in pools), default=0.0)
    total = len(pools) if count is None else count
    return PoolTable(total, ratio, ratio, pools, others, 0, Churn(1, 1, math.inf))


def sockets(**states: int) -> dict[tuple[str, str], int]:
    """Return all states, with these for IPv4 and the rest empty."""
    return {
        (family, state): states.get(state, 0) if family == "ipv4" else 0
        for family in ("ipv4", "ipv6")
        for state in STATE_NAMES.values()
    }


def finding(name: str, detail: str) -> FindingState:
    """Return one of the product's findings that found something."""
    (found,) = [one for one in FINDINGS if one.name == name]
    return FindingState(found, detail)


EMPTY = table()
CALM_HOST = namespace_sample(
    "host",
    sockets=known(sockets(established=214, time_wait=96, listen=11)),
    local_ports=known(LocalPorts(32768, 60999, 0, LIMIT, 310, 1, LIMIT, 1, (), 62.048)),
    pools=known(
        {
            OUTBOUND: table(
                pool("10.0.0.2", "10.0.0.9", "5432", 1_412, 320),
                pool("10.0.0.2", "10.0.0.12", "6379", 846, 0),
                count=18,
                others=96,
            ),
            INBOUND: table(pool("10.0.0.2", "10.0.0.5", "443", 2_580, 40, limit=64_512)),
            SOURCE: EMPTY,
        }
    ),
    close_wait=known(NOBODY_STUCK),
    limits=known(
        (
            Resource("time_wait_buckets", 96, 131_072),
            Resource("orphans", 0, 131_072),
            Resource("memory_bytes", 61 * 2**20, 2_249 * 2**20),
        )
    ),
    findings=known((finding("odd_port_range", "32768 60998"),)),
)
UPSTREAM = pool("10.77.0.1", "10.77.0.2", "8080", 25_822, 25_500, left=41.7, heads_for=1.26)
PROXY_HOST = with_parts(
    CALM_HOST,
    sockets=known(sockets(established=1_610, time_wait=25_990, syn_sent=12, listen=11)),
    pools=known(
        {
            OUTBOUND: table(
                UPSTREAM, pool("10.77.0.1", "10.77.0.3", "8080", 6_240, 5_900), count=41, others=730
            ),
            INBOUND: table(pool("10.77.0.1", "10.0.0.5", "443", 7_741, 40, limit=64_512)),
            SOURCE: table(pool("10.77.0.1", "", "", 25_822, 25_500, left=math.inf)),
        }
    ),
    pool_owners=known(
        (
            PoolOwners(
                UPSTREAM,
                (
                    SeenOwner(Owner("nginx.service", "nginx"), 298),
                    SeenOwner(Owner("", "curl"), 24),
                ),
            ),
        )
    ),
    limits=known(
        (
            Resource("time_wait_buckets", 25_990, 131_072),
            Resource("orphans", 3, 131_072),
            Resource("memory_bytes", 161 * 2**20, 2_249 * 2**20),
        )
    ),
    findings=known(
        (
            finding(
                "port_range_too_small",
                "10.77.0.1 → 10.77.0.2:8080 has 28,232 local ports; needs 35,604",
            ),
            finding(
                "tw_reuse_off_under_pressure",
                "10.77.0.1 → 10.77.0.2:8080: 25,500 of 28,232 ports in TIME_WAIT,"
                " net.ipv4.tcp_tw_reuse = 2",
            ),
        )
    ),
)
LEAKY_HOST = with_parts(
    CALM_HOST,
    sockets=known(sockets(established=402, close_wait=1_540, time_wait=31, listen=11)),
    close_wait=known(
        CloseWait(
            {
                "eof_unread": CauseCount(36, 59.9),
                "not_closed": CauseCount(1_504, 1_890.0),
                "peer_gone": CauseCount(0, 0.0),
                "window_closed": CauseCount(0, 0.0),
            },
            (OwnerCount(Owner("api.service", "gunicorn"), 1_540),),
            (),
            0,
        )
    ),
)


def refusals(*owners: tuple[Owner, str]) -> PortFailures:
    """Return what each of these was refused at a port of 10.77.0.2: more for the first."""
    recent = {}
    for number, (owner, port) in enumerate(owners):
        ends = ("10.77.0.1", "10.77.0.2", port)
        count = RecentCount(1177 - 1165 * number, 70.0 * number)
        recent[FailureOwner(FailureKind("connect", "no_port"), owner, *ends)] = count
    return PortFailures({}, {}, {}, RecentFailures(300.0, recent, {}))


REFUSING_HOST = with_parts(
    PROXY_HOST,
    failures=known(refusals((Owner("nginx.service", "nginx"), "8080"), (Owner("", "curl"), "443"))),
)
FULL_HOST = with_parts(
    fullest(), limits=PROXY_HOST.outcome(LIMITS)
)  # its own limits have made-up names
BROKEN_HOST = with_parts(CALM_HOST, limits=Outcome(0.1, error=SourceError("sockstat", "absent")))


def rising(top: float, bottom: float = 0.02, gap: Sequence[int] = ()) -> Line:
    """Return an hour that rises steeply in its last third."""
    line: Line = [
        bottom + (top - bottom) * (max(0, place - 160) / 79) ** 2 + bottom * 0.4 * (place % 7) / 7
        for place in range(240)
    ]
    return [None if place in gap else value for place, value in enumerate(line)]


def snapshot(*namespaces: NamespaceSample, lines: dict[SeriesKey, Line] | None = None) -> Snapshot:
    """Return what is known about a host: these namespaces, and their last hour."""
    past = lines or {}
    sample = Sample(WHEN, 100.0, 0.021, 5.0, 5.0, namespaces)
    return Snapshot(
        "edge-1",
        sample,
        current=True,
        line=lambda key: past.get(key, []),
        exporter=EXPORTER,
        settings=SETTINGS,
    )


def hour_of(sample: NamespaceSample, *, steep: tuple[str, ...] = ()) -> dict[SeriesKey, Line]:
    """Return an hour for each series of a sample; the named ones rise, the others are level."""
    one = Sample(WHEN, 100.0, 0.0, 5.0, 5.0, (sample,))
    return {
        key: rising(value, value * 0.1)
        if key.name in steep
        else [value * (0.9 + 0.1 * ((place * 7) % 11) / 11) for place in range(240)]
        for key, value in observed_values(one, [assess(sample)])
    }
