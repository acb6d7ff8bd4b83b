"""The series of other network namespaces are bounded, by the number that the documents give."""

import re

from tcp_pressure_exporter.collectors.health import NAMESPACE_FAMILIES
from tcp_pressure_exporter.collectors.kernel_events import EVENTS
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, all_families
from tcp_pressure_exporter.facts.bound import AcceptQueue, QueueKey
from tcp_pressure_exporter.facts.close_wait import CAUSES
from tcp_pressure_exporter.facts.failures import BIND_FAILURES, CONNECT_FAILURES
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, Owner
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.findings.finding import Finding, FindingState
from tcp_pressure_exporter.findings.refusals import REFUSED_BELOW_LIMIT
from tcp_pressure_exporter.findings.table import FINDINGS
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import MAX_OWNERS, LocalPorts
from tcp_pressure_exporter.pools.table import Churn, ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.close_wait import CauseCount, CloseWait, RemoteCount
from tcp_pressure_exporter.sample.counted.active_closes import (
    MAX_CLOSERS,
    ActiveCloses,
    ClosedPool,
    Closer,
)
from tcp_pressure_exporter.sample.counted.failures import FailureOwner, PortFailures
from tcp_pressure_exporter.sample.namespaces import DEFAULT_MOST
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.sample.sockets import ListenQueue, ListenQueues
from tcp_pressure_exporter.sampling.namespaces import TOP
from tcp_pressure_exporter.sampling.parts.pools import OTHERS_GIVE_WAY
from tcp_pressure_exporter.sources.procfs.settings import SYSCTLS
from tests.support.fakes.samples import namespace_sample, with_parts
from tests.support.places import DOCS

DOCUMENT = DOCS / "metrics.md"
COUNTED = {"failures", "active_closes"}
SHARED = {name for name, row in COLLECTORS.items() if not row.own_alone}
RESOURCES = ("time_wait_buckets", "orphans", "memory_bytes", "conntrack_entries")


QUEUES = tuple(ListenQueue(AcceptQueue(QueueKey(bytes(16), n), 9, 9)) for n in range(TOP))


def pool_table(direction: str, most: int = TOP) -> PoolTable:
    """Return a table with all that a direction can show; some directions show more."""
    recorded = direction in {"outbound", "inbound"}
    reclaimable = 1 if direction == "outbound" else None
    pools = [
        ListedPool(
            key=PoolKey(b"", b"", b""),
            local_address=f"10.0.0.{number}",
            remote_address="10.0.0.9",
            port="443",
            usage=Usage(21174, 28232, 20402, reclaimable),
            outlook=Outlook(38.2, 0.9, 454.8, 512) if recorded else None,
        )
        for number in range(most)
    ]
    churn = Churn(190322, 530, 38.2) if recorded else None
    return PoolTable(99, 0.7, 0.8, tuple(pools), 55, 0, churn)


def fullest(netns: str) -> NamespaceSample:
    """Return a sample of another namespace with everything listed that can be."""
    owners = tuple(OwnerCount(Owner(f"{number}.service"), 9) for number in range(MAX_OWNERS))
    whole = namespace_sample(
        netns,
        sockets=Outcome(
            0.1, {(family, state): 1 for family in ("4", "6") for state in STATE_NAMES.values()}
        ),
        local_ports=Outcome(
            0.1, LocalPorts(32768, 60999, 0, 28232, 9, 9, 28232, 9, owners, 62.048, 9)
        ),
        pools=Outcome(0.1, {name: pool_table(name) for name in ("outbound", "inbound", "source")}),
        close_wait=Outcome(
            0.1,
            CloseWait(
                {cause: CauseCount(9, 9.0) for cause in CAUSES},
                tuple(OwnerCount(Owner(f"{number}.service"), 9) for number in range(TOP)),
                tuple(RemoteCount(f"10.0.0.{number}", 9) for number in range(TOP)),
                9,
            ),
        ),
        listen_queues=Outcome(
            0.1,
            ListenQueues(
                tuple(ListenQueue(AcceptQueue(QueueKey(bytes(16), n), 9, 9)) for n in range(TOP)),
                1.0,
            ),
        ),
        limits=Outcome(0.1, tuple(Resource(name, 9, 9) for name in RESOURCES)),
        kernel_events=Outcome(0.1, dict.fromkeys(EVENTS, 9)),
        sysctls=Outcome(0.1, {name.rpartition(".")[2]: 9 for name in SYSCTLS}),
        findings=Outcome(0.1, findings(but=REFUSED_BELOW_LIMIT)),
    )
    assert {name for name, _outcome in whole.outcomes()} == SHARED - COUNTED
    return whole


def findings(but: Finding | None = None) -> tuple[FindingState, ...]:
    return tuple(FindingState(finding, None) for finding in FINDINGS if finding is not but)


def failures() -> PortFailures:
    kinds = dict.fromkeys(CONNECT_FAILURES + BIND_FAILURES, 9)
    owners = [
        FailureOwner(CONNECT_FAILURES[0], Owner(f"{n}.service"), "10.0.0.1", "10.0.0.9", "443")
        for n in range(TOP)
    ]
    return PortFailures(kinds, dict.fromkeys(owners, 9), kinds)


def closes() -> ActiveCloses:
    pools = [
        ClosedPool("outbound", f"10.0.0.{n}", "10.0.0.9", "443")
        for n in range(TOP - OTHERS_GIVE_WAY)
    ]
    closers = [Closer(pool, Owner(f"{n}.service")) for pool in pools for n in range(MAX_CLOSERS)]
    return ActiveCloses(dict.fromkeys(closers, 9), {"outbound": 9, "inbound": 9})


def counted(netns: str) -> NamespaceSample:
    """Return the fullest sample if BPF programs count, where fewer pools are listed."""
    directions = ("outbound", "inbound", "source")
    sample = with_parts(
        fullest(netns),
        pools=Outcome(0.1, {n: pool_table(n, TOP - OTHERS_GIVE_WAY) for n in directions}),
        failures=Outcome(0.1, failures()),
        findings=Outcome(0.1, findings()),
        active_closes=Outcome(0.1, closes()),
    )
    assert {name for name, _outcome in sample.outcomes()} == SHARED
    return sample


def series(*samples: NamespaceSample) -> int:
    subjects = [((sample.netns,), sample) for sample in samples]
    return sum(
        len(family.metric(subjects).samples) for family in (*NAMESPACE_FAMILIES, *all_families())
    )


def documented() -> tuple[int, int, int]:
    """Return the series per namespace, the namespaces, and the series of all, as documented."""
    found = re.search(
        r"at most (\d+) for each namespace, ([\d,]+) for the (\d+) of `--netns.max`",
        DOCUMENT.read_text(),
    )
    assert found
    each, together, most = found.groups()
    return int(each), int(most), int(together.replace(",", ""))


def test_one_namespace() -> None:
    """However much goes on in a namespace, it has no more series than the documents say."""
    each, _most, _together = documented()
    assert each - 10 < series(fullest("blue")) <= each
    assert series(counted("blue")) <= each


def test_all_namespaces() -> None:
    """Together they do not exceed the documented number either; --netns.max bounds them."""
    each, most, together = documented()
    assert most == DEFAULT_MOST
    assert each * most == together
    for sample in (fullest, counted):
        assert series(*(sample(f"ns:{inode}") for inode in range(most))) <= together


def test_failed_namespace() -> None:
    """A namespace whose collectors fail has fewer series, not more."""
    assert series(counted("blue").expired()) == 2 * len(SHARED)
    assert series(with_parts(fullest("blue"), pools=None)) < series(fullest("blue"))
