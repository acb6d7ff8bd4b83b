"""The real daemon in a separate process: its start, its memory, its answers, its cost."""

import http.client
import re
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.cpu_clock import process_cpu_seconds
from benchmarks.failure import BenchmarkError
from benchmarks.parsers import daemon_command
from benchmarks.results import DaemonRow, Idle
from benchmarks.summary import quantile
from tests.support.labs.exporter_process import Exporter, running_exporter

BACK_TO_BACK = ("--sample.interval=100ms", "--sample.max-cpu=1")
PAUSE_SECONDS = 0.01  # between scrapes, so that each meets the sampler at a different moment
SCRAPE_SECONDS = 30.0
IDLE_SCRAPES = 50
SAMPLE_TIME = re.compile(rb"^tcp_pressure_sample_timestamp_seconds\S* (\S+)", re.MULTILINE)
PEAK = re.compile(r"VmHWM:\s+(\d+) kB")


def measure_daemon(parser: str, scrapes: int) -> DaemonRow:
    """Scrape a daemon that samples back to back; raises BenchmarkError."""
    with _daemon(parser, *BACK_TO_BACK) as (exporter, start_seconds):
        seconds, pages = _scrape(exporter.port, scrapes)
        return DaemonRow(
            parser=parser,
            start_seconds=round(start_seconds, 3),
            peak_rss_mb=_peak_rss_mb(exporter.process.pid),
            samples=len({_sample_time(page) for page in pages}),
            scrapes=scrapes,
            series=_series(pages[-1]),
            scrape_p50_ms=round(1e3 * quantile(seconds, 0.5), 2),
            scrape_p99_ms=round(1e3 * quantile(seconds, 0.99), 2),
            scrape_max_ms=round(1e3 * max(seconds), 2),
        )


def measure_idle(parser: str, seconds: float) -> Idle:
    """Leave a daemon idle at its default interval; then see what a scrape costs it."""
    with _daemon(parser) as (exporter, start_seconds):
        pid = exporter.process.pid
        before = process_cpu_seconds(pid)
        time.sleep(seconds)
        idle = process_cpu_seconds(pid)
        _scrape(exporter.port, IDLE_SCRAPES)
        return Idle(
            seconds=seconds,
            start_seconds=round(start_seconds, 3),
            core_percent=round(100 * (idle - before) / seconds, 4),
            peak_rss_mb=_peak_rss_mb(pid),
            scrape_cpu_ms=round(1e3 * (process_cpu_seconds(pid) - idle) / IDLE_SCRAPES, 2),
        )


@contextmanager
def _daemon(parser: str, *flags: str) -> Iterator[tuple[Exporter, float]]:
    """Give a running daemon and the seconds from its start until it was ready."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "exporter.log"
        started = time.monotonic()
        with running_exporter(log, *flags, command=daemon_command(parser)) as exporter:
            yield exporter, time.monotonic() - started


def _scrape(port: int, times: int) -> tuple[list[float], list[bytes]]:
    """Scrape over one connection, as Prometheus does; return the seconds and the pages."""
    seconds, pages = [], []
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=SCRAPE_SECONDS)) as server:
        for _number in range(times):
            started = time.perf_counter()
            server.request("GET", "/metrics")
            answer = server.getresponse()
            pages.append(answer.read())
            seconds.append(time.perf_counter() - started)
            if answer.status != http.HTTPStatus.OK:
                raise BenchmarkError(f"the daemon answered a scrape with {answer.status}")
            time.sleep(PAUSE_SECONDS)
    return seconds, pages


def _sample_time(page: bytes) -> bytes:
    found = SAMPLE_TIME.search(page)
    if not found:
        raise BenchmarkError("the daemon's page names no sample")
    return found[1]


def _series(page: bytes) -> int:
    return sum(1 for line in page.splitlines() if line and not line.startswith(b"#"))


def _peak_rss_mb(pid: int) -> float:
    found = PEAK.search(Path(f"/proc/{pid}/status").read_text())
    assert found is not None
    return round(int(found[1]) / 1024, 1)
