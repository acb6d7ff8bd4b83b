"""What the long runs came to: kept in results.json, and shown as tables in README.md.

A script run with --write keeps its figures and rewrites the table, so nobody types them;
test_results.py compares the tables with the file.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from benchmarks.marks import with_part

KEPT = Path(__file__).with_suffix(".json")
DOCUMENT = Path(__file__).with_name("README.md")
WRITE = "--write"

Figure = float | list[float]
Runs = Mapping[str, Mapping[str, object]]


class Table(NamedTuple):
    """How runs of one kind are shown. row: the cells behind a run's name and before its date."""

    head: Sequence[str]
    row: Sequence[str]


FIFTHS = "{rss_mb[0]:.1f}, {rss_mb[1]:.1f}, {rss_mb[2]:.1f}, {rss_mb[3]:.1f}, {rss_mb[4]:.1f}"
TABLES = {
    "churn": Table(
        ("run", "connections", "most TIME_WAIT", "longest sample", "closes counted"),
        (
            *("{connections:,}", "{most_time_wait:,}", "{longest_sample_seconds:.2f} s"),
            "{closes_counted:,} of {closes:,}",
        ),
    ),
    "soak": Table(
        ("run", "scrapes", "RSS by fifths, MiB", "threads", "descriptors before, after"),
        ("{scrapes:,}", FIFTHS, "{threads}", "{descriptors_before}, {descriptors_after}"),
    ),
    "refusals": Table(
        ("run", "connections", "no port", "port taken", "closed first", "RSS by fifths, MiB"),
        (
            *("{connections:,}", "{no_port:,}", "{port_taken:,}", "{closed_first:,}"),
            FIFTHS,
        ),
    ),
    "shedding": Table(
        ("what it gets", "longest interval", "CPU", "slowest scrape", "RSS, MiB", "allowed, MiB"),
        (
            *("{interval_seconds:.1f} s", "{cpu_percent:.1f} %", "{slowest_scrape_ms:.0f} ms"),
            *("{rss_mb:.1f}", "{allowed_mb}"),
        ),
    ),
    "bounds": Table(("what there is", "of them", "RSS, MiB"), ("{number:,}", "{rss_mb:.1f}")),
    "hostile": Table(
        ("attack", "scrapes", "slowest", "memory at most", "memory kept"),
        (
            *("{scrapes:,}", "{slowest_seconds:.2f} s"),
            *("{peak_mb:+.1f} MB", "{kept_mb:+.1f} MB"),
        ),
    ),
}


def split_write(arguments: Sequence[str]) -> tuple[list[str], bool]:
    """Return a script's other arguments, and whether to keep its figures."""
    return [argument for argument in arguments if argument != WRITE], WRITE in arguments


def keep(kind: str, run: str, figures: Mapping[str, Figure]) -> None:
    """Keep the figures of a run, replacing those of the last run of that name; show them."""
    kept = read()
    today = datetime.now(UTC).date().isoformat()
    kept[kind] = {**kept.get(kind, {}), run: {"date": today, **figures}}
    KEPT.write_text(json.dumps(kept, indent=1) + "\n")
    DOCUMENT.write_text(shown(kind, kept[kind], DOCUMENT.read_text()))


def read(kept: Path = KEPT) -> dict[str, Runs]:
    """Return the figures of each run, by its kind and name."""
    found: dict[str, Runs] = json.loads(kept.read_text())
    return found


def shown(kind: str, runs: Runs, document: str) -> str:
    """Return the document with the table; raises BenchmarkError if it has no place for that."""
    begin = f"<!-- {kind}: written by tests/reliability -->"
    return with_part(document, begin, table(TABLES[kind], runs), DOCUMENT.name)


def table(form: Table, runs: Runs) -> str:
    """Return the runs in Markdown."""
    rows = [
        [run, *(cell.format_map(figures) for cell in (*form.row, "{date}"))]
        for run, figures in runs.items()
    ]
    lines = [[*form.head, "measured"], ["---"] * (len(form.head) + 1), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
