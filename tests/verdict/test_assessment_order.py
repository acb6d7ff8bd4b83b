"""What comes first in an assessment, and when it knows nothing."""

import pytest

from tcp_pressure_exporter.facts.addresses import V4_ANY
from tcp_pressure_exporter.facts.outcome import Outcome, SettingError, SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable, PoolTables
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.assessment import assess
from tests.support.fakes.samples import namespace_sample

FAILED: Outcome[tuple[Resource, ...]] = Outcome(0.0, error=SourceError("sock_diag", "refused"))
NO_POOLS: Outcome[PoolTables] = Outcome(0.0, error=SourceError("sock_diag", "refused"))
FULL = (Resource("time_wait_buckets", 9, 9),)
NOT_IN_SIGHT = Outlook(float("inf"), 0.87, 10.0, 20)


def pool(used: int, outlook: Outlook | None = None) -> PoolTable:
    """Return a table of one pool of 100 ports."""
    key = PoolKey(V4_ANY, V4_ANY, b"\0\1")
    listed = ListedPool(key, "10.0.0.2", "10.0.0.9", "443", Usage(used, 100, 0, None), 0, outlook)
    return PoolTable(1, used / 100, used / 100, (listed,), 0, 0)


def kinds(outbound: int, source: int) -> list[tuple[str, float | None]]:
    tables = {"source": pool(source), "outbound": pool(outbound, NOT_IN_SIGHT)}
    found = assess(namespace_sample("host", pools=Outcome(0.0, tables)))
    return [(pressure.kind, pressure.steady_state_ratio) for pressure in found.pressures]


def test_source_pool_in_trouble() -> None:
    """A source pool that echoes an outbound pool comes after it, however full it is."""
    assert kinds(87, 89) == [("outbound", 0.87), ("source", None)]


def test_calm_source_pool() -> None:
    """If both are calm, the fuller one comes first."""
    assert kinds(20, 30) == [("source", None), ("outbound", 0.87)]


@pytest.mark.parametrize(
    ("sample", "verdict"),
    [
        (namespace_sample("host", pools=NO_POOLS), "unknown"),
        (namespace_sample("host", pools=NO_POOLS, limits=Outcome(0.0, ())), "unknown"),
        (namespace_sample("host", pools=Outcome(0.0, {}), limits=FAILED), "calm"),
        (namespace_sample("host", pools=NO_POOLS, limits=Outcome(0.0, FULL)), "critical"),
        (namespace_sample("host", limits=Outcome(0.0, ())), "calm"),
    ],
)
def test_verdict(sample: NamespaceSample, verdict: str) -> None:
    """If the pools could not be read, calm elsewhere is no verdict."""
    assert assess(sample).verdict == verdict


@pytest.mark.parametrize(
    ("error", "sockets_read"),
    [(SettingError("/proc/sys", "absent"), True), (SourceError("sock_diag", "refused"), False)],
)
def test_lack_of_settings(error: SourceError, sockets_read: bool) -> None:  # noqa: FBT001 - a case
    """Without settings there is no verdict either; whether the sockets were read is known."""
    found = assess(namespace_sample("host", pools=Outcome(0.0, error=error)))
    assert (found.verdict, found.sockets_read) == ("unknown", sockets_read)


def test_rank() -> None:
    """Of several namespaces a critical one comes first, and an unknown one before a calm one."""
    full, crowded = Outcome(0.0, FULL), Outcome(0.0, (Resource("time_wait_buckets", 85, 100),))
    samples = [
        namespace_sample("calm", limits=Outcome(0.0, ())),
        namespace_sample("unknown", pools=NO_POOLS),
        namespace_sample("critical", limits=full),
        namespace_sample("warning", limits=crowded),
    ]
    ranked = sorted(map(assess, samples), key=lambda found: found.rank)
    assert [found.netns for found in ranked] == ["critical", "warning", "unknown", "calm"]
