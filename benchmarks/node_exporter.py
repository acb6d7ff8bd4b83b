"""node_exporter with only its tcpstat collector, scraped over loopback."""

import http.client
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.cpu_clock import process_cpu_seconds
from benchmarks.failure import BenchmarkError
from benchmarks.programs import start_silent
from benchmarks.timing import Timing

PORT = 91  # below every ephemeral port range; the namespace is ours
START_SECONDS = 10.0
SCRAPE_SECONDS = 60.0
SUCCESS = b'node_scrape_collector_success{collector="tcpstat"} 1'
FLAGS = ("--collector.disable-defaults", "--collector.tcpstat", "--web.disable-exporter-metrics")


@contextmanager
def node_exporter(program: Path) -> Iterator[Callable[[], Timing]]:
    """Start it and give a function that scrapes once, and returns the time of the whole scrape."""
    with start_silent((program, *FLAGS, f"--web.listen-address=127.0.0.1:{PORT}")) as process:
        try:
            _wait_until_listening()
            yield lambda: _scrape(process.pid)
        finally:
            process.kill()


def _scrape(pid: int) -> Timing:
    wall, cpu = time.perf_counter(), process_cpu_seconds(pid)
    with closing(http.client.HTTPConnection("127.0.0.1", PORT, timeout=SCRAPE_SECONDS)) as server:
        server.request("GET", "/metrics")
        page = server.getresponse().read()
    if SUCCESS not in page:
        raise BenchmarkError("node_exporter's tcpstat failed")
    return Timing(time.perf_counter() - wall, process_cpu_seconds(pid) - cpu)


def _wait_until_listening() -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        with socket.socket() as client:
            if client.connect_ex(("127.0.0.1", PORT)) == 0:
                return
        time.sleep(0.02)
    raise BenchmarkError(f"node_exporter did not start within {START_SECONDS:.0f} s")
