"""Samples of a namespace written by hand, part by part."""

from typing import Any

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.sample.sample import NamespaceSample


def namespace_sample(netns: str = "host", **parts: Outcome[Any] | None) -> NamespaceSample:
    """Return what a namespace showed; parts: by the names of their collectors."""
    assert parts.keys() <= COLLECTORS.keys()
    given = {row.key: parts.get(name) for name, row in COLLECTORS.items()}
    return NamespaceSample(netns, {key: part for key, part in given.items() if part is not None})


def with_parts(sample: NamespaceSample, **parts: Outcome[Any] | None) -> NamespaceSample:
    """Return the sample with some parts replaced."""
    return namespace_sample(sample.netns, **{**dict(sample.outcomes()), **parts})
