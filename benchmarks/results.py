"""What a run of the suite found, as kept in results.json."""

from dataclasses import dataclass
from pathlib import Path

import msgspec


@dataclass(frozen=True, slots=True)
class Machine:
    """Where and with what it ran."""

    date: str
    cpu: str
    cores: int
    kernel: str
    hash_buckets: int
    versions: dict[str, str]


@dataclass(frozen=True, slots=True)
class Row:
    """One contender in one case: medians over the rounds; ratios are to the floor's wall time."""

    contender: str
    rounds: int
    sockets: int
    wall_ms: float
    cpu_ms: float
    ratio: float
    ratio_low: float
    ratio_high: float


@dataclass(frozen=True, slots=True)
class DaemonRow:
    """The running daemon, sampling back to back while being scraped."""

    parser: str
    start_seconds: float
    peak_rss_mb: float
    samples: int
    scrapes: int
    series: int
    scrape_p50_ms: float
    scrape_p99_ms: float
    scrape_max_ms: float


@dataclass(frozen=True, slots=True)
class Case:
    """One population of sockets."""

    name: str
    sockets: int
    light: bool
    rows: list[Row]
    daemon: list[DaemonRow]


@dataclass(frozen=True, slots=True)
class Idle:
    """The daemon at its default interval on a host with hardly any sockets."""

    seconds: float
    start_seconds: float
    core_percent: float
    peak_rss_mb: float
    scrape_cpu_ms: float


@dataclass(frozen=True, slots=True)
class Results:
    """Everything."""

    machine: Machine
    idle: Idle
    cases: list[Case]


def save(results: Results, path: Path) -> None:
    """Write the results for people and programs."""
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=1) + b"\n")


def load(path: Path) -> Results:
    """Read what `save` wrote; raises OSError and msgspec.ValidationError."""
    return msgspec.json.decode(path.read_bytes(), type=Results)
