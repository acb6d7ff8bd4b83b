"""Failures from sample to sample: the part with its source, and the pools that give way."""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.failures import (
    BIND_FAILURES,
    CONNECT_FAILURES,
    FailureCounts,
    PortFailure,
)
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.tally import (
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    RowRules,
)
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses
from tcp_pressure_exporter.sample.counted.failures import PortFailures
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, PORT_FAILURES, NamespaceSample
from tcp_pressure_exporter.sampling.parts.failures import failures_part
from tcp_pressure_exporter.sampling.parts.nat import NatPart
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.messages.socket_entries import sixteen_bytes
from tests.support.sampled import Namespace, given_reading, sampler_of

NO_PORTS, PORTS_TAKEN = CONNECT_FAILURES
HERE = sixteen_bytes("10.0.0.2")


class FakeSource:
    """Returns the given counts, or raises `error`."""

    def __init__(self) -> None:
        self.counts = FailureCounts({}, {})
        self.error: SourceError | None = None
        self.no_binds: str | None = None

    def port_failures(self) -> FailureCounts:
        if self.error:
            raise self.error
        return self.counts

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()

    def close(self) -> None:
        """Nothing is open."""


def take(root: Path, source: FakeSource, top: int = 10) -> list[NamespaceSample]:
    """Take two samples of a host with failures from the source."""
    FakeProcfs(root)
    namespace = Namespace(root, parser=readable_parser())
    sources = replace(namespace.sources, failures=source)
    sampler = sampler_of(sources, collectors=("failures",))
    config = Config(ListingRule(top=top))
    return [sampler.take(config), sampler.take(config)]


def failures_of(*processes: str) -> FailureCounts:
    rows = [PortFailure(NO_PORTS, 1, process, HERE, HERE, 443) for process in processes]
    return FailureCounts(dict.fromkeys(rows, 2), {})


def test_counters(tmp_path: Path) -> None:
    """The counters of the top owners are published, and do not grow when read again."""
    source = FakeSource()
    source.counts = failures_of("a", "b", "c")
    for sample in take(tmp_path, source, top=2):
        found = sample.get(PORT_FAILURES)
        assert list(found.listed.values()) == [2, 2]
        assert found.totals == {NO_PORTS: 6, PORTS_TAKEN: 0}
        assert found.unlisted == {NO_PORTS: 2, PORTS_TAKEN: 0}


def test_lost(tmp_path: Path) -> None:
    """Failures for which there was no room at all are an error in addition to the counters."""
    source = FakeSource()
    source.counts = replace(failures_of("a"), lost=3)
    outcome = take(tmp_path, source)[0].outcome(PORT_FAILURES)
    assert outcome is not None
    assert outcome.value is not None
    assert outcome.error is not None
    assert outcome.error.reason == "3 failures were lost: too many network namespaces"


def test_failing_source(tmp_path: Path) -> None:
    """A source that fails leaves no counter."""
    source = FakeSource()
    source.error = SourceError("BPF object port_failures", "ENOMEM")
    outcome = take(tmp_path, source)[0].outcome(PORT_FAILURES)
    assert outcome is not None
    assert (outcome.value, outcome.error) == (None, source.error)


def test_missing(tmp_path: Path) -> None:
    """If nothing is counted, the part says why."""
    sources = replace(
        Namespace(tmp_path, parser=readable_parser()).sources, failures=Missing("EPERM")
    )
    kit = Kit(sources, Memory(), Owners(Cgroups(tmp_path), None), float)
    assert failures_part(kit) == Missing("EPERM")


@pytest.mark.parametrize(
    ("top", "alone", "connects", "binds", "closes"),
    [(10, 7, 3, 2, 1), (12, 9, 4, 3, 2), (5, 3, 1, 1, 1), (2, 1, 1, 1, 1)],
)
def test_gateway_makes_room(  # noqa: PLR0913, PLR0917 - a row of a table
    tmp_path: Path, top: int, alone: int, connects: int, binds: int, closes: int
) -> None:
    """Three NAT pools give way to clients; five to failures, six with bind(), eight with closes.

    At least one is left.
    """
    part, config = NatPart(TwelvePools()), Config(ListingRule(top, 0.0))
    reading = given_reading(Namespace(tmp_path, parser=readable_parser()), float, config)
    assert len(part.take(reading).listed) == alone
    reading.put(PORT_FAILURES, Outcome(0.0, PortFailures({}, {}, {})))
    assert len(part.take(reading).listed) == connects
    reading.put(PORT_FAILURES, Outcome(0.0, PortFailures({BIND_FAILURES[0]: 0}, {}, {})))
    assert len(part.take(reading).listed) == binds
    reading.put(ACTIVE_CLOSES, Outcome(0.0, ActiveCloses({}, {})))
    assert len(part.take(reading).listed) == closes


class TwelvePools:
    """A gateway with a connection to each of twelve remotes."""

    def missing(self) -> str | None:
        return None

    def translated(self, _rules: RowRules, _clients_of: Sequence[PoolKey] = ()) -> PoolTally:
        keys = [PoolKey(HERE, sixteen_bytes(f"10.0.1.{n}"), b"\1\2") for n in range(12)]
        return PoolTally(dict.fromkeys(keys, PoolCount(1, 0, 0, 0, b"")), OtherPools(), 0)

    def close(self) -> None:
        """Nothing is open."""
