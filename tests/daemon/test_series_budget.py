"""The page has at most 500 series, however much there is to show."""

from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from tcp_pressure_exporter.collectors.kernel_events import EVENTS
from tcp_pressure_exporter.collectors.registry import SampleCollector, build_registry
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, all_families
from tcp_pressure_exporter.facts.bound import AcceptQueue, QueueKey
from tcp_pressure_exporter.facts.close_wait import CAUSES
from tcp_pressure_exporter.facts.failures import BIND_FAILURES, CONNECT_FAILURES
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.questions import CanaryAnswer, ToldBy
from tcp_pressure_exporter.facts.sockets import STATE_NAMES, Owner
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.findings.finding import Finding, FindingState
from tcp_pressure_exporter.findings.refusals import REFUSED_BELOW_LIMIT
from tcp_pressure_exporter.findings.table import FINDINGS
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.listing import ListingRule, OwnerCount, SeenOwner
from tcp_pressure_exporter.pools.local_ports import MAX_OWNERS as MAX_BLOCKERS
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.near_limit.closer_look import (
    MAX_TARGETS,
    CanaryReport,
    PoolOwners,
    Probe,
)
from tcp_pressure_exporter.pools.near_limit.owner_memory import MAX_OWNERS
from tcp_pressure_exporter.pools.table import Churn, ClientPorts, ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.close_wait import MAX_REMOTES, CauseCount, CloseWait, RemoteCount
from tcp_pressure_exporter.sample.counted.active_closes import (
    MAX_CLOSERS,
    MAX_POOLS,
    ActiveCloses,
    ClosedPool,
    Closer,
)
from tcp_pressure_exporter.sample.counted.failures import FailureOwner, PortFailures
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.namespaces import Elsewhere
from tcp_pressure_exporter.sample.sample import (
    ACTIVE_CLOSES,
    POOLS,
    PORT_FAILURES,
    NamespaceSample,
    Sample,
)
from tcp_pressure_exporter.sample.sockets import ListenQueue, ListenQueues
from tcp_pressure_exporter.sampling.parts.nat import (
    GIVES_WAY,
    GIVES_WAY_TO_BINDS,
    MAX_CLIENTS,
    share,
)
from tcp_pressure_exporter.sampling.parts.pools import SOURCE_GIVES_WAY
from tcp_pressure_exporter.sources.procfs.settings import SYSCTLS
from tcp_pressure_exporter.web.accounting import HttpCounts
from tests.support.fakes.samples import namespace_sample, with_parts

TOP = ListingRule().top
BUDGET = 500
BY_BPF = {PORT_FAILURES.name, ACTIVE_CLOSES.name}
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


def failures(*, binds: bool) -> PortFailures:
    """Return failures by as many owners as are listed."""
    kinds = dict.fromkeys(CONNECT_FAILURES + (BIND_FAILURES if binds else ()), 1)
    owners = [
        FailureOwner(CONNECT_FAILURES[0], Owner("s", f"p{n}"), "10.0.0.1", "10.0.0.2", "1")
        for n in range(TOP)
    ]
    return PortFailures(kinds, dict.fromkeys(owners, 1), kinds)


def closes() -> ActiveCloses:
    """Return as many closers as are listed."""
    pools = [ClosedPool(OUTBOUND, f"10.0.0.{n}", "10.0.0.99", "1") for n in range(MAX_POOLS)]
    closers = [Closer(pool, Owner("s", f"p{n}")) for pool in pools for n in range(MAX_CLOSERS)]
    return ActiveCloses(dict.fromkeys(closers, 1), {OUTBOUND: 1, INBOUND: 1})


def fewer(found: PoolTable, give_way: int) -> PoolTable:
    """Return a table of which some pools give way to other parts."""
    return replace(found, listed=found.listed[: len(found.listed) - give_way])


def findings(but: Finding | None = None) -> tuple[FindingState, ...]:
    return tuple(FindingState(finding, "x") for finding in FINDINGS if finding is not but)


def gateway(give_way: int) -> PoolTable:
    """Return a gateway's pools and clients if that many pools give way."""
    clients = tuple(ClientPorts(f"10.0.1.{n}", 1) for n in range(MAX_CLIENTS))
    nat = table(reclaimable=True, dated=False)
    listed, told = share(TOP - give_way)
    shown = (
        *(replace(pool, clients=clients) for pool in nat.listed[:told]),
        *nat.listed[told:listed],
    )
    return replace(nat, listed=shown)


def with_failures(sample: NamespaceSample, *, binds: bool) -> NamespaceSample:
    """Return the sample with refused calls."""
    return with_parts(
        sample,
        nat=Outcome(0.1, gateway(GIVES_WAY[PORT_FAILURES] + (GIVES_WAY_TO_BINDS if binds else 0))),
        failures=Outcome(0.1, failures(binds=binds)),
        findings=Outcome(0.1, findings()),
    )


def with_closes(sample: NamespaceSample, give_way: int = 0) -> NamespaceSample:
    """Return the sample with active closes, if that many pools of a gateway give way already."""
    pools = sample.get(POOLS)
    return with_parts(
        sample,
        pools=Outcome(0.1, {**pools, SOURCE: fewer(pools[SOURCE], SOURCE_GIVES_WAY)}),
        nat=Outcome(0.1, gateway(give_way + GIVES_WAY[ACTIVE_CLOSES])),
        active_closes=Outcome(0.1, closes()),
    )


def fullest() -> NamespaceSample:
    """Return a sample in which every table is full, without what BPF programs count."""
    pools = {
        OUTBOUND: table(reclaimable=True, dated=True),
        INBOUND: table(reclaimable=False, dated=True),
        SOURCE: table(reclaimable=False, dated=False),
    }
    near = pools[OUTBOUND].listed[:MAX_TARGETS]
    owners = tuple(OwnerCount(Owner(f"s{n}", "p"), 1) for n in range(TOP))
    seen = tuple(SeenOwner(*owner) for owner in owners[:MAX_OWNERS])
    sample = namespace_sample(
        "host",
        sockets=Outcome(
            0.1, {(family, s): 1 for family in ("ipv4", "ipv6") for s in STATE_NAMES.values()}
        ),
        local_ports=Outcome(0.1, LocalPorts(1, 2, 3, 4, 5, 6, 7, 8, owners[:MAX_BLOCKERS], 9, 1)),
        pools=Outcome(0.1, pools),
        nat=Outcome(0.1, gateway(0)),
        canary=Outcome(0.1, CanaryReport(tuple(Probe(pool, REFUSED) for pool in near), None)),
        pool_owners=Outcome(0.1, tuple(PoolOwners(pool, seen) for pool in near)),
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
        findings=Outcome(0.1, findings(but=REFUSED_BELOW_LIMIT)),
    )
    assert {name for name, _outcome in sample.outcomes()} == set(COLLECTORS) - BY_BPF
    return sample


FULLEST = fullest()


SOURCES = [ToldBy("netlink", "EPERM"), ToldBy("bpf", fallbacks=0)]


@pytest.mark.parametrize("told_by", SOURCES, ids=["netlink", "walk"])
@pytest.mark.parametrize(
    "sample",
    [
        FULLEST,
        with_failures(FULLEST, binds=False),
        with_failures(FULLEST, binds=True),
        with_closes(FULLEST),
        with_closes(with_failures(FULLEST, binds=False), GIVES_WAY[PORT_FAILURES]),
        with_closes(
            with_failures(FULLEST, binds=True), GIVES_WAY[PORT_FAILURES] + GIVES_WAY_TO_BINDS
        ),
    ],
    ids=["none counted", "connects", "connects, binds", "closes", "connects, closes", "all"],
)
def test_worst_case(sample: NamespaceSample, told_by: ToldBy) -> None:
    """A host that fills every table by default stays within the budget, whatever BPF adds."""
    whole = Sample(0.0, 0.0, 0.0, 5.0, 5.0, (sample,), elsewhere=Elsewhere(9))
    collector = SampleCollector(
        lambda: whole,
        lambda: ExporterState("1", "3", "compiled", told_by=told_by),
        lambda: ExporterCounts(responses=HttpCounts().responses),
        all_families(),
    )
    registry = build_registry(collector)
    lines = generate_latest(registry).decode().splitlines()
    assert len([line for line in lines if not line.startswith("#")]) <= BUDGET
