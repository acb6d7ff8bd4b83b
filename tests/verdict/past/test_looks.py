"""What an incident memory sees of a sample."""

from dataclasses import replace

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.refusals import NO_PORT_FOUND
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.sample.counted.failures import (
    FailureOwner,
    PortFailures,
    RecentCount,
    RecentFailures,
)
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.past.incidents import IncidentMemory
from tcp_pressure_exporter.verdict.past.looks import look_of
from tcp_pressure_exporter.verdict.past.minutes import States
from tcp_pressure_exporter.verdict.past.sightings import Involved, NamespaceLook
from tests.pages.report.observations import pool_sample
from tests.pages.status.snapshots import CALM_HOST, LEAKY_HOST, PROXY_HOST, UPSTREAM
from tests.support.fakes.evidence import known
from tests.support.fakes.samples import with_parts

NGINX = Owner("nginx.service", "nginx")
POOL = (OUTBOUND, "10.77.0.1 → 10.77.0.2:8080")


def seen(host: NamespaceSample) -> NamespaceLook:
    """Return what a sample of one namespace shows."""
    (namespace,) = look_of(sample(host), [assess(host)]).namespaces
    return namespace


def sample(*hosts: NamespaceSample, now: float = 100.0) -> Sample:
    return Sample(1e9 + now, now, 0.0, 5.0, 5.0, hosts)


def refusing(count: int, new: int) -> NamespaceSample:
    """Return the proxy, which was refused so many connections, some of them just now."""
    owner = FailureOwner(NO_PORT_FOUND, NGINX, "10.77.0.1", "10.77.0.2", "8080")
    recent = RecentFailures(300.0, {owner: RecentCount(count, 0.0)}, {}, new={owner: new})
    return with_parts(PROXY_HOST, failures=known(PortFailures({}, {}, {}, recent)))


def test_calm() -> None:
    """A calm host shows its resources and sockets, but no trouble; nor does a warning."""
    calm = seen(CALM_HOST)
    assert calm.critical == ()
    assert calm.figures[OUTBOUND, "10.0.0.2 → 10.0.0.9:5432"].used == 1412
    assert calm.states == States(established=214, syn_sent=0, time_wait=96, close_wait=0)
    assert assess(LEAKY_HOST).severity is Severity.WARNING
    assert seen(LEAKY_HOST).critical == ()


def test_a_forecast() -> None:
    """A pool about to fill is critical; at 70 % that is not certain, at 91 % it is."""
    (full,) = seen(PROXY_HOST).critical
    assert (full.parts[0], full.resource, full.certain) == (POOL, POOL, True)
    assert full.title == f"outbound pool {POOL[1]}"
    assert full.owners == (Involved(NGINX, sockets=298), Involved(Owner("", "curl"), sockets=24))
    usage = UPSTREAM.usage._replace(used=20_000, time_wait=19_000)
    table = PROXY_HOST.pool_tables()[OUTBOUND]
    listed = (replace(UPSTREAM, usage=usage), *table.listed[1:])
    half = with_parts(PROXY_HOST, pools=known({OUTBOUND: replace(table, listed=listed)}))
    (said,) = seen(half).critical
    assert not said.certain


def test_refused_calls() -> None:
    """Only what the newest sample counted is seen, whatever the last five minutes had."""
    (full,) = seen(refusing(1177, 12)).critical
    assert (full.refused, full.owners[0]) == (12, Involved(NGINX, refused=12))
    assert full.sentence == (
        f"Outbound pool {POOL[1]} is full: the kernel has no port left for a new connection."
    )
    memory, told = IncidentMemory(), 0
    for number in range(1, 60):
        host = refusing(told := told + number, number)
        memory = memory.after(look_of(sample(host, now=100.0 + 5 * number), [assess(host)]))
    (one,) = memory.listed
    assert one.refused == told == sum(range(1, 60))


def test_what_cannot_be_read() -> None:
    """If the pools could not be read, nothing of the namespace is seen."""
    blind = with_parts(CALM_HOST, pools=Outcome(0.1, error=SourceError("sock_diag", "refused")))
    other = replace(CALM_HOST, netns="web")
    found = look_of(sample(blind, other), map(assess, (blind, other)))
    assert [one.netns for one in found.namespaces] == ["web"]
    assert (found.now, found.timestamp, found.holds) == (100.0, 1e9 + 100, 15.0)


def test_closes() -> None:
    """The closes per second are those of the last ten seconds."""
    assert seen(pool_sample()).figures[OUTBOUND, "10.0.0.2 → 10.0.0.9:443"].closes == 418


def test_long_names() -> None:
    """Names from outside are truncated."""
    long = SeenOwner(Owner("x" * 300, "y" * 300), 298)
    host = with_parts(PROXY_HOST, pool_owners=known(()))
    (full,) = assess(host).pressures[:1]
    assert full.owners == ()
    owned = with_parts(PROXY_HOST, failures=known(PortFailures({}, {}, {}, RecentFailures())))
    found = assess(owned)
    found = replace(found, pressures=(full._replace(owners=(long,)), *found.pressures[1:]))
    (namespace,) = look_of(sample(owned), [found]).namespaces
    (owner,) = [one.owner for one in namespace.critical[0].owners]
    assert (len(owner.service), len(owner.process)) == (96, 96)
    assert owner.service.endswith("x…")
