"""The page of a system other than Linux: what docs/platforms.md says is there, and no more."""

from collections.abc import Mapping
from dataclasses import replace

import pytest
from prometheus_client import generate_latest

from tcp_pressure_exporter.collectors.registry import SampleCollector, build_registry
from tcp_pressure_exporter.daemon.collectors import all_families
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.portable.sockets import PortableSocket, parse_portable_sockets
from tcp_pressure_exporter.sources.portable.source import PortableSockets, SystemSettings
from tcp_pressure_exporter.sources.systems.portable import foreign_sources
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.portable_rows import row
from tests.support.places import DOCS
from tests.support.sampled import sampler_of

TIME_WAIT_SECONDS = 30
FROM_SAMPLES = {
    "tcp_pressure_time_wait_entered_total",
    "tcp_pressure_closes_per_second_max_1m",
    "tcp_pressure_pool_exhaustion_seconds_min",
    "tcp_pressure_pool_time_wait_entered_total",
    "tcp_pressure_pool_closes_per_second_max_1m",
    "tcp_pressure_pool_sustainable_closes_per_second",
    "tcp_pressure_pool_steady_state_ratio",
    "tcp_pressure_pool_exhaustion_seconds",
}
POOLS = {
    *("tcp_pressure_pool_ports_used", "tcp_pressure_pool_ports_limit", "tcp_pressure_pools"),
    *("tcp_pressure_pool_ratio_max", "tcp_pressure_pool_ratio_max_1m"),
    *("tcp_pressure_unlisted_pool_ports_used", "tcp_pressure_pool_overflow_sockets"),
}
LOCAL_PORTS = {
    *("tcp_pressure_local_port_range_low", "tcp_pressure_local_port_range_high"),
    *("tcp_pressure_local_ports_reserved", "tcp_pressure_local_ports_usable"),
    *("tcp_pressure_local_ports_used", "tcp_pressure_listeners_in_local_port_range"),
    "tcp_pressure_time_wait_hold_seconds",
}
HEALTH = {"tcp_pressure_collector_success", "tcp_pressure_collector_duration_seconds"}
OTHERS = {"tcp_pressure_sockets", "tcp_pressure_sysctl", "tcp_pressure_finding"}


class Facts:
    """Ten ports, the highest of them reserved."""

    def __init__(self, name: str, *, shows_time_wait: bool) -> None:
        self.name = name
        self.shows_time_wait = shows_time_wait

    def port_range(self) -> PortRange:
        return PortRange(40000, 40009, 1 << 40009, in_pairs=False)

    def time_wait_seconds(self) -> float:
        return TIME_WAIT_SECONDS

    def settings(self) -> Mapping[str, int]:
        return {"TcpTimedWaitDelay": TIME_WAIT_SECONDS}


class Host:
    """A host that psutil shows: one connection out, one in, and closes at some samples."""

    def __init__(self, facts: Facts) -> None:
        self.clock = FakeClock()
        self.rows = [
            row("LISTEN", ("0.0.0.0", 443)),
            row("ESTABLISHED", ("10.0.0.2", 40000), ("10.0.0.9", 443)),
            row("ESTABLISHED", ("10.0.0.2", 443), ("10.0.0.7", 50000)),
        ]
        shows_time_wait = facts.shows_time_wait
        sources = replace(
            foreign_sources(facts, "no netlink there"),
            settings=SystemSettings(facts, self.clock),
            sockets=PortableSockets(self._read, self.clock, shows_time_wait=shows_time_wait),
        )
        self._sampler = sampler_of(sources, clock=self.clock)

    def _read(self) -> list[PortableSocket]:
        return parse_portable_sockets(self.rows)

    def close(self, port: int) -> None:
        self.rows.append(row("TIME_WAIT", ("10.0.0.2", port), ("10.0.0.9", 443)))

    def take(self) -> NamespaceSample:
        self.clock.advance(5)
        return self._sampler.take(Config(ListingRule(top=10, min_ratio=0), RemoteGroups()))


def page(sample: NamespaceSample) -> str:
    whole = Sample(0.0, 0.0, 0.0, 5.0, 5.0, (sample,))
    state = ExporterState("version", "python", "portable")
    return generate_latest(
        build_registry(
            SampleCollector(lambda: whole, lambda: state, ExporterCounts, all_families())
        )
    ).decode()


def names(text: str) -> set[str]:
    """Return the metrics about the namespace that have at least one series."""
    lines = [line for line in text.splitlines() if line.startswith("tcp_pressure_")]
    return {line.partition("{")[0] for line in lines if 'netns="host"' in line}


def test_time_wait_shown() -> None:
    """If TIME_WAIT is shown, so is all about pools; rates and forecasts come a TIME_WAIT later."""
    host = Host(Facts("windows", shows_time_wait=True))
    always = HEALTH | LOCAL_PORTS | POOLS | OTHERS | {"tcp_pressure_pool_time_wait"}
    for number in range(7):
        early = names(page(host.take()))
        assert early == always if number < 6 else early == always | FROM_SAMPLES, number
        host.close(40001 + number)
    late = page(host.take())
    assert 'state="time_wait"} 7.0' in late
    assert 'tcp_pressure_time_wait_entered_total{direction="outbound",netns="host"} 7.0' in late
    assert "tcp_pressure_pool_reclaimable" not in names(late)
    assert 'tcp_pressure_local_ports_usable{netns="host"} 9.0' in late


def test_time_wait_hidden() -> None:
    """If TIME_WAIT is hidden, its state, its ports and what follows from it never appear."""
    host = Host(Facts("bsd", shows_time_wait=False))
    for _ in range(9):
        text = page(host.take())
    assert names(text) == HEALTH | LOCAL_PORTS | POOLS | OTHERS
    assert 'state="time_wait"' not in text
    assert 'state="established"} 2.0' in text


def test_nothing_fails() -> None:
    """What is left out is not a failure: every collector that is on succeeds."""
    sample = Host(Facts("solaris", shows_time_wait=True)).take()
    assert [outcome.error for _name, outcome in sample.outcomes()] == [None] * 5


def test_document() -> None:
    """docs/platforms.md has the metrics of the rows "from samples", by their common parts."""
    document = (DOCS / "platforms.md").read_text()
    rows = [line for line in document.splitlines() if "| from samples |" in line]
    parts = [part.strip(" `*") for line in rows for part in line.split("|")[1].split(",")]
    ends = [part.removeprefix("tcp_pressure_").removeprefix("*").rstrip("`*") for part in parts]
    for name in FROM_SAMPLES:
        assert any(end in name for end in ends), name


@pytest.mark.parametrize("system", ["windows", "bsd"])
def test_findings_of_the_system(system: str) -> None:
    """Only findings that apply to the system are shown."""
    text = page(Host(Facts(system, shows_time_wait=True)).take())
    assert "tw_recycle_enabled" not in text.split("# HELP tcp_pressure_finding")[1]
    assert ("timed_wait_delay_out_of_bounds" in text) == (system == "windows")
