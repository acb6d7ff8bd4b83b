from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sample.namespaces import Census, Elsewhere
from tcp_pressure_exporter.sample.sample import (
    LIMITS,
    POOLS,
    SOCKETS,
    NamespaceSample,
    Sample,
    not_reached,
    unseen,
)
from tcp_pressure_exporter.sample.sockets import SocketStates
from tests.support.fakes.samples import namespace_sample

BUCKETS = (Resource("time_wait_buckets", 2, 262144),)


def sample_of(*namespaces: NamespaceSample) -> Sample:
    return Sample(
        timestamp=1.8e9,
        started=100.0,
        cpu_seconds=0.01,
        interval=5.0,
        configured_interval=5.0,
        namespaces=namespaces,
    )


def test_outcomes() -> None:
    """Outcomes are those of the collectors that are on, failed ones included, by name."""
    failed: Outcome[SocketStates] = Outcome(0.2, error=SourceError("sock_diag dump", "no"))
    limits = Outcome(0.1, BUCKETS)
    namespace = namespace_sample("host", sockets=failed, limits=limits)
    assert list(namespace.outcomes()) == [("sockets", failed), ("limits", limits)]


def test_no_outcomes() -> None:
    """With every collector off there is no outcome."""
    assert list(namespace_sample("host").outcomes()) == []


def test_expired() -> None:
    """Too old to be shown: each collector that was on has failed, the others stay off."""
    sample = sample_of(namespace_sample("a", limits=Outcome(0.1, BUCKETS)), namespace_sample("b"))
    expired = replace(sample, census=Census(sampled=1), elsewhere=Elsewhere(2)).expired()
    [a, b] = expired.namespaces
    assert a.value(LIMITS) is None
    assert [(name, str(outcome.error)) for name, outcome in a.outcomes()] == [
        ("limits", "sample: older than three intervals")
    ]
    assert (a.netns, a.outcome(SOCKETS), a.outcome(POOLS)) == ("a", None, None)
    assert (b.netns, list(b.outcomes())) == ("b", [])
    assert (expired.timestamp, expired.interval) == (sample.timestamp, sample.interval)
    assert expired.census is None
    assert expired.other_namespaces() == {}


def test_other_namespaces() -> None:
    """What is known about the others is shown: how many there are, and what happens to each."""
    sample = sample_of(namespace_sample("a"))
    assert sample.other_namespaces() == {}
    assert replace(sample, elsewhere=Elsewhere()).other_namespaces() == {"not_looked_at": 0}
    unknown = Elsewhere(1, complete=False)
    assert replace(sample, elsewhere=unknown).other_namespaces() == {}
    counted = replace(sample, census=Census(sampled=1), elsewhere=Elsewhere(2)).other_namespaces()
    assert (counted["sampled"], counted["quiet"], counted["not_looked_at"]) == (1, 0, 2)


def test_not_reached() -> None:
    """A namespace that is not sampled may be in trouble unseen, unless it is quiet or unwanted."""
    ended = (("process names", "ended early"),)
    sample = replace(sample_of(namespace_sample("a")), left_out=ended)
    assert (unseen(sample), not_reached(sample)) == (0, ended)
    census = Census(sampled=5, unlisted=2, excluded=3, quiet=40, unreadable=1)
    sample = replace(sample, census=census, elsewhere=Elsewhere(4))
    assert unseen(sample) == 7
    assert not_reached(sample) == (("other network namespaces", "7 not looked at"), *ended)


def test_original_stays() -> None:
    """A sample is frozen: expiring makes another one."""
    sample = sample_of(namespace_sample("a", limits=Outcome(0.1, BUCKETS)))
    sample.expired()
    assert sample.namespaces[0].outcome(LIMITS) == Outcome(0.1, BUCKETS)
    with pytest.raises(AttributeError):
        sample.interval = 1.0  # type: ignore[misc]  # it is frozen, which is the point
