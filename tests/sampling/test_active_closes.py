"""Active closes from sample to sample: the part with its source, and the pools that give way."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.time_wait import CloseCounts, UnnamedCloses
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, POOLS, NamespaceSample
from tcp_pressure_exporter.sampling.parts.active_closes import active_closes_part
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tests.support.labs.lab import EVERYTHING, Lab
from tests.support.sampled import Namespace, sampler_of


class FakeSource:
    """Returns the given counts, or raises `error`."""

    def __init__(self) -> None:
        self.counts = CloseCounts({}, {UnnamedCloses(0, accepted=True): 4})
        self.error: SourceError | None = None

    def active_closes(self) -> CloseCounts:
        if self.error:
            raise self.error
        return self.counts

    def held(self) -> AbstractContextManager[None]:
        return nullcontext()

    def close(self) -> None:
        """Nothing is open."""


def take(source: FakeSource | None, config: Config = EVERYTHING) -> NamespaceSample:
    """Take a sample of the thread's namespace with closes from the source."""
    namespace = Namespace()
    sources = replace(namespace.sources, closes=source) if source else namespace.sources
    try:
        return sampler_of(sources, collectors=("pools", "active_closes")).take(config)
    finally:
        namespace.close()


def outcome(source: FakeSource) -> Outcome[ActiveCloses]:
    found = take(source).outcome(ACTIVE_CLOSES)
    assert found is not None
    return found


@pytest.mark.usefixtures("netns")
def test_counters() -> None:
    """Closes in no pool in view are unlisted."""
    assert outcome(FakeSource()).get() == ActiveCloses({}, {OUTBOUND: 0, INBOUND: 4})


@pytest.mark.usefixtures("netns")
def test_lost() -> None:
    """Closes for which there was no room at all are an error in addition to the counters."""
    source = FakeSource()
    source.counts = replace(source.counts, lost=3)
    found = outcome(source)
    assert found.value is not None
    assert found.error is not None
    assert found.error.reason == "3 closes were lost: too many network namespaces"


@pytest.mark.usefixtures("netns")
def test_failing_source() -> None:
    """A source that fails leaves no counter."""
    source = FakeSource()
    source.error = SourceError("BPF object active_closes", "ENOMEM")
    found = outcome(source)
    assert (found.value, found.error) == (None, source.error)


def test_missing(tmp_path: Path) -> None:
    """If nothing is counted, the part says why."""
    sources = replace(Namespace(tmp_path).sources, closes=Missing("EPERM"))
    kit = Kit(sources, Memory(), Owners(Cgroups(tmp_path), None), float)
    assert active_closes_part(kit) == Missing("EPERM")


@pytest.mark.parametrize(("top", "with_closes"), [(10, 6), (5, 1), (2, 1)])
def test_local_addresses_make_room(lab: Lab, top: int, with_closes: int) -> None:
    """Four fewer source pools are listed if closes are counted, but at least one.

    The other directions have as many pools as before.
    """
    for number in range(12):
        lab.connect("127.0.0.9", f"127.0.1.{number}")
    config = replace(EVERYTHING, listing=replace(EVERYTHING.listing, top=top))

    def listed(source: FakeSource | None) -> dict[str, int]:
        tables = take(source, config).get(POOLS)
        return {direction: len(table.listed) for direction, table in tables.items()}

    assert listed(None) == {OUTBOUND: top, INBOUND: top, SOURCE: top}
    assert listed(FakeSource()) == {OUTBOUND: top, INBOUND: top, SOURCE: with_closes}
