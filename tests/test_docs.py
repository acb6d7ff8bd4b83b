"""The documents agree with the code."""

import re
from collections.abc import Iterator

from tcp_pressure_exporter.collectors.kernel_events import EVENTS
from tcp_pressure_exporter.collectors.registry import SampleCollector
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, all_families
from tcp_pressure_exporter.facts.system import MAX_USER_PORT, TIMED_WAIT_DELAY
from tcp_pressure_exporter.sample.exporter import ExporterCounts, ExporterState
from tcp_pressure_exporter.sources.portable.bsd import FREEBSD_NAMES, OPENBSD_NAMES
from tcp_pressure_exporter.sources.portable.solaris import TUNABLES
from tcp_pressure_exporter.sources.procfs.settings import SYSCTLS
from tests.support.places import ROOT

ROW = re.compile(r"^\| `(tcp_pressure_\w+)` \| ([\w, ]*?) ?\|", re.MULTILINE)
TABLE = re.compile(
    r"^\| metric \| labels( beside netns)? \| meaning \|\n((?:\|.*\n)+)", re.MULTILINE
)
POOL = ("direction", "local_address", "remote_address", "port")  # what the tables call pool

Metric = tuple[str, str, tuple[str, ...]]


def documented() -> Iterator[Metric]:
    text = (ROOT / "docs" / "metrics.md").read_text()
    for beside, table in TABLE.findall(text):
        for name, cell in ROW.findall(table):
            told = filter(None, cell.split(", "))
            labels = [one for label in told for one in (POOL if label == "pool" else (label,))]
            kind = "counter" if name.endswith("_total") else "gauge"
            yield name, kind, (("netns",) if beside else ()) + tuple(labels)


def exported() -> Iterator[Metric]:
    state = ExporterState("version", "python", "parser")
    for metric in SampleCollector(
        lambda: None, lambda: state, ExporterCounts, all_families()
    ).describe():
        name = metric.name + "_total" if metric.type == "counter" else metric.name
        labels = metric._labelnames  # type: ignore[attr-defined]  # noqa: SLF001 - not public
        yield name, metric.type, tuple(labels)


def test_metrics() -> None:
    """docs/metrics.md lists exactly the metrics, each once, with its labels; counters by name."""
    assert sorted(documented()) == sorted(exported())


def items(heading: str) -> list[str]:
    """Return the names that have an item in a section of docs/metrics.md."""
    section = (ROOT / "docs" / "metrics.md").read_text().split(f"\n## {heading}\n")[1]
    return re.findall(r"^- `(\w+)`", section.split("\n## ")[0], re.MULTILINE)


def test_events() -> None:
    """docs/metrics.md explains exactly the kernel's events, each once."""
    assert sorted(items("The kernel's own counters")) == sorted(EVENTS)


def test_sysctls() -> None:
    """docs/metrics.md explains exactly the settings, each once."""
    assert sorted(items("Settings")) == sorted(name.rpartition(".")[2] for name in SYSCTLS)


def test_settings_of_other_systems() -> None:
    """docs/platforms.md explains every setting that other systems show, and nothing else."""
    section = (ROOT / "docs" / "platforms.md").read_text().split("\n## Settings\n")[1]
    lines = section.split("\n## ")[0].splitlines()
    columns = [row.split("|") for row in lines if row.startswith("| ")][1:]
    named = {name for column in columns for name in re.findall(r"`(\w+)`", column[2])}
    bsd = {name for names in (FREEBSD_NAMES, OPENBSD_NAMES) for name in names if name}
    assert named == {
        *(TIMED_WAIT_DELAY, MAX_USER_PORT),
        *TUNABLES,
        *(name.replace(".", "_") for name in bsd),
    }


def test_collectors_have_distinct_metrics() -> None:
    """No metric belongs to two collectors."""
    names = [family.name for entry in COLLECTORS.values() for family in entry.families]
    assert len(names) == len(set(names))
