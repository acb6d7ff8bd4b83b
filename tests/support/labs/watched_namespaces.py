"""The sampler of all namespaces, on a /proc that shows only those of the test."""

import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from structlog.testing import LogCapture

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.facts.tally import NETLINK
from tcp_pressure_exporter.sample.namespaces import Census, NamespaceChoice
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.sampling.host import open_host
from tcp_pressure_exporter.sampling.namespaces import NamespaceSamplers
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tests.support.fakes.captured_log import captured_log
from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.sampled import wishes


@dataclass
class Watch:
    """Takes samples of the namespaces of a test; `samplers` is the code under test."""

    samplers: NamespaceSamplers
    logged: LogCapture
    config: Config

    def take(self) -> tuple[Mapping[str, NamespaceSample], Census]:
        """Return the samples of the other namespaces by label, busiest first, and the census."""
        (own, *others), census, *_ = self.samplers.take(self.config)
        assert own.netns == "host"
        assert all(outcome.error is None for _name, outcome in own.outcomes())
        assert census is not None
        samples = {sample.netns: sample for sample in others}
        assert len(samples) == len(others)
        return samples, census

    def labels(self) -> list[str]:
        """Return the labels of the namespaces that a sample shows."""
        return list(self.take()[0])

    def census(self) -> Census:
        return self.take()[1]


@contextmanager
def watching(  # noqa: PLR0913, PLR0917 - what is watched, and how
    others: OtherNamespaces,
    choice: NamespaceChoice | None = None,
    collectors: Collection[str] = (*COLLECTORS,),
    config: Config | None = None,
    names: Path | None = None,
    source: str = NETLINK,
) -> Iterator[Watch]:
    """Watch the namespaces, or those of another folder; release all of them at the end."""
    log, logged = captured_log()
    host = open_host(wishes(*collectors, source=source), others.procfs, best_parser(), sys.platform)
    samplers = NamespaceSamplers(
        host, choice or NamespaceChoice(), others.procfs, log, names or others.names
    )
    try:
        yield Watch(samplers, logged, config or Config())
    finally:
        samplers.close()
        host.own.close()
