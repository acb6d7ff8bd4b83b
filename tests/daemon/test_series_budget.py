"""The page has at most 500 series, however much there is to show."""

from dataclasses import replace

from prometheus_client import generate_latest

from tcp_pressure_exporter.collectors.kernel_events import EVENTS
from tcp_pressure_exporter.collectors.registry import build_registry
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, all_families
from tcp_pressure_exporter.facts.bound import AcceptQueue, QueueKey
from tcp_pressure_exporter.facts.close_wait import CAUSES
from tcp_pressure_exporter.facts.failures import CONNECT_FAILURES
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.questions import CanaryAnswer, ToldBy
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, Owner
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.table import FINDINGS
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.listing import ListingRule, OwnerCount
from tcp_pressure_exporter.pools.local_ports import MAX_OWNERS as MAX_BLOCKERS
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.near_limit.closer_look import (
    MAX_OWNERS,
    MAX_TARGETS,
    CanaryReport,
    PoolOwners,
    Probe,
)
from tcp_pressure_exporter.pools.table import Churn, ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.close_wait import MAX_REMOTES, CauseCount, CloseWait, RemoteCount
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.failures import FailureOwner, PortFailures
from tcp_pressure_exporter.sample.namespaces import Elsewhere
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample
from tcp_pressure_exporter.sample.sockets import ListenQueue, ListenQueues
from tcp_pressure_exporter.sampling.parts.nat import GIVES_WAY
from tcp_pressure_exporter.sources.procfs.settings import SYSCTLS
from tcp_pressure_exporter.web.accounting import HttpCounts
from tests.support.fakes.samples import namespace_sample

TOP = ListingRule().top
BUDGET = 500
REFUSED = CanaryAnswer(success=False, seconds=0.1, reason="EADDRNOTAVAIL")


QUEUES = tuple(ListenQueue(AcceptQueue(QueueKey(bytes(16), n), 1, 1)) for n in range(TOP))


def table(*, reclaimable: bool, dated: bool) -> PoolTable:
    """Return a full table of one direction; dated: its pools have a forecast."""
    usage = Usage(90, 100, 50, 1 if reclaimable else None)
    outlook = Outlook(10.0, 1.1, 1.0, 5) if dated else None
    listed = tuple(_pool(number, usage, outlook) for number in range(TOP))
    churn = Churn(1, 1, 1.0) if dated else None
    return PoolTable(TOP, 0.9, 0.9, listed, 0, 0, churn)


def _pool(number: int, usage: Usage, outlook: Outlook | None) -> ListedPool:
    key = PoolKey(bytes([number] * 16), bytes(16), b"\0\1")
    return ListedPool(key, f"10.0.0.{number}", "10.0.0.99", "1", usage, 1, outlook)


def failures() -> PortFailures:
    """Return failures of as many owners as are listed."""
    kinds = dict.fromkeys(CONNECT_FAILURES, 1)
    owners = [
        FailureOwner(CONNECT_FAILURES[0], Owner("s", f"p{n}"), "10.0.0.1", "10.0.0.2", "1")
        for n in range(TOP)
    ]
    return PortFailures(kinds, dict.fromkeys(owners, 1), kinds)


def fullest() -> NamespaceSample:
    """Return a sample of which every table is full."""
    pools = {
        OUTBOUND: table(reclaimable=True, dated=True),
        INBOUND: table(reclaimable=False, dated=True),
        SOURCE: table(reclaimable=False, dated=False),
    }
    nat = table(reclaimable=True, dated=False)
    near = pools[OUTBOUND].listed[:MAX_TARGETS]
    owners = tuple(OwnerCount(Owner(f"s{n}", "p"), 1) for n in range(TOP))
    sample = namespace_sample(
        "host",
        sockets=Outcome(
            0.1, {(family, s): 1 for family in ("ipv4", "ipv6") for s in STATE_NAMES.values()}
        ),
        local_ports=Outcome(0.1, LocalPorts(1, 2, 3, 4, 5, 6, 7, 8, owners[:MAX_BLOCKERS], 9, 1)),
        pools=Outcome(0.1, pools),
        nat=Outcome(0.1, replace(nat, listed=nat.listed[: TOP - GIVES_WAY])),
        failures=Outcome(0.1, failures()),
        canary=Outcome(0.1, CanaryReport(tuple(Probe(pool, REFUSED) for pool in near), None)),
        pool_owners=Outcome(0.1, tuple(PoolOwners(pool, owners[:MAX_OWNERS]) for pool in near)),
        close_wait=Outcome(
            0.1,
            CloseWait(
                {cause: CauseCount(1, 1.0) for cause in CAUSES},
                owners,
                tuple(RemoteCount(f"10.0.1.{n}", 1) for n in range(MAX_REMOTES)),
                1,
            ),
        ),
        listen_queues=Outcome(
            0.1,
            ListenQueues(
                tuple(ListenQueue(AcceptQueue(QueueKey(bytes(16), n), 1, 1)) for n in range(TOP)),
                1.0,
            ),
        ),
        limits=Outcome(0.1, tuple(Resource(f"r{n}", 1, 1) for n in range(4))),
        kernel_events=Outcome(0.1, dict.fromkeys(EVENTS, 1)),
        sysctls=Outcome(0.1, {name.rpartition(".")[2]: 1 for name in SYSCTLS}),
        findings=Outcome(0.1, tuple(FindingState(finding, "x") for finding in FINDINGS)),
    )
    assert {name for name, _outcome in sample.outcomes()} == set(COLLECTORS)
    return sample


def test_worst_case() -> None:
    """A host that fills every table by default stays inside the budget."""
    sample = Sample(0.0, 0.0, 0.0, 5.0, 5.0, (fullest(),), elsewhere=Elsewhere(9))
    registry = build_registry(
        lambda: sample,
        lambda: ExporterState("1", "3", "compiled", told_by=ToldBy("bpf", fallbacks=0)),
        lambda: ExporterCounts(responses=HttpCounts().responses),
        all_families(),
    )
    lines = generate_latest(registry).decode().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= BUDGET
