"""The daemon without descriptors, memory, disk or outputs, and under floods of requests."""

import http.client
import resource
import signal
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest

from tests.faults.processes import FAILURES, lines_since, state_of, wait_until, wait_until_well
from tests.support.labs.exporter_process import COMMAND, Access, Exporter, running_exporter
from tests.support.labs.lab import Lab

FAST = "--sample.interval=100ms"
ACCEPT_FAILURES = "tcp_pressure_http_accept_failures_total"
ERRORS = 'tcp_pressure_http_responses_total{code="5xx"}'
LOST_LINES = "tcp_pressure_log_lines_lost_total"
LOST_SAMPLES = "tcp_pressure_sample_failures_total"
RELOADS = 'tcp_pressure_config_reloads_total{result="success"}'
BAD_RELOADS = 'tcp_pressure_config_reloads_total{result="failure"}'


@contextmanager
def limited(exporter: Exporter, what: int, limit: int) -> Iterator[None]:
    """Set a limit on the running daemon for a while."""
    pid = exporter.process.pid
    before = resource.prlimit(pid, what)
    resource.prlimit(pid, what, (limit, before[1]))
    try:
        yield
    finally:
        resource.prlimit(pid, what, before)


def descriptors(exporter: Exporter) -> int:
    return len(list(Path(f"/proc/{exporter.process.pid}/fd").iterdir()))


def threads(exporter: Exporter) -> int:
    return len(list(Path(f"/proc/{exporter.process.pid}/task").iterdir()))


def test_no_descriptors(log: Path) -> None:
    """Without a free descriptor, what cannot be read vanishes; it all returns with the first."""
    with running_exporter(log, FAST, "--sample.max-cpu=1") as exporter:
        wait_until_well(exporter)
        before = descriptors(exporter)
        with (
            closing(http.client.HTTPConnection("127.0.0.1", exporter.port, timeout=10)) as kept,
            limited(exporter, resource.RLIMIT_NOFILE, 4),
        ):
            kept.connect()  # waits in the kernel's queue: it cannot be accepted
            exporter.wait_for_log("collector fails")
            exporter.wait_for_log("cannot accept connections")
        after = wait_until_well(exporter)
        assert after.value(FAILURES) > 0
        assert after.value(ACCEPT_FAILURES) > 0
        assert descriptors(exporter) <= before + 2  # this test's connections
    text = log.read_text()
    assert text.count("cannot accept connections") == 1
    assert "Traceback" not in text


def test_no_memory(lab: Lab, tmp_path: Path, log: Path) -> None:
    """What there is no memory for is lost and counted; with memory everything returns."""
    config = tmp_path / "config.yml"
    config.write_text("groups: [{name: far, cidrs: [192.0.2.0/24]}]\n")  # no pools are merged
    flags = (f"--config.file={config}", FAST, "--sample.max-cpu=1")
    with running_exporter(log, *flags) as exporter:
        wait_until_well(exporter)
        with limited(exporter, resource.RLIMIT_DATA, 1):
            for number in range(5000):
                lab.connect(f"127.{number >> 8}.{number & 255}.1")
            # Either the parser lacks memory for its tables, or Python for the result.
            exporter.wait_for_log("level=error")
        after = wait_until_well(exporter)
        assert after.value(LOST_SAMPLES) + after.value(FAILURES) > 0
        exporter.wait_for_log(" again")
    assert log.read_text().count("level=error") < 10


@pytest.fixture
def tiny_disk(tmp_path: Path) -> Iterator[Path]:
    """Give a folder on a disk of one page."""
    folder = tmp_path / "disk"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", folder], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def test_full_disk(tiny_disk: Path, tmp_path: Path) -> None:
    """On a full disk lost lines are counted and nothing else suffers; later it logs again.

    What it logs is reloads of a bad file.
    """
    config = tmp_path / "config.yml"
    config.write_text("")
    log = tiny_disk / "exporter.log"
    appending = ("sh", "-c", 'exec "$@" 2>>"$0"', str(log), str(COMMAND))
    with running_exporter(log, f"--config.file={config}", FAST, command=appending) as exporter:
        with log.open("ab", buffering=0) as rest, suppress(OSError):
            while rest.write(b"\n"):
                pass
        config.write_text("pools: {top: -1}\n")
        exporter.signal(signal.SIGHUP)
        during = wait_until(exporter, lambda state: state.value(LOST_LINES) > 0)
        assert during.ready
        assert not during.failing
        log.write_text("")
        exporter.signal(signal.SIGHUP)
        exporter.wait_for_log("configuration not reloaded")


@pytest.mark.parametrize("closed", [">&-", "2>&-", ">&- 2>&- <&-", ">/dev/full 2>/dev/full"])
def test_closed_outputs(closed: str, tmp_path: Path) -> None:
    """With its outputs closed or full, the daemon samples, serves and stops as usual."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    shell = f"exec {COMMAND} --web.listen-address=127.0.0.1:{port} {closed}"
    with subprocess.Popen(["sh", "-c", shell]) as process:
        exporter = Exporter(process, port, tmp_path / "nothing", Access())
        exporter.log.touch()
        deadline = time.monotonic() + 10
        while True:
            with suppress(ConnectionRefusedError):
                wait_until_well(exporter)
                break
            assert time.monotonic() < deadline
            time.sleep(0.02)
        exporter.signal(signal.SIGTERM)
        assert process.wait(timeout=2) == 0


def test_storm_of_hangups(tmp_path: Path, log: Path) -> None:
    """A thousand SIGHUPs while the file is replaced cause few reloads, all good; the last wins."""
    config, new = tmp_path / "config.yml", tmp_path / "new.yml"
    config.write_text("pools: {top: 1}\n")
    with running_exporter(log, f"--config.file={config}", FAST) as exporter:
        for number in range(1000):
            new.write_text(f"pools: {{top: {number % 50 + 1}}}\n{'# filler' * (number % 100)}\n")
            new.rename(config)
            exporter.signal(signal.SIGHUP)
        exporter.wait_for_log("configuration reloaded")
        new.write_text("pools: {top: 0}\n")
        new.rename(config)
        before = state_of(exporter).value(RELOADS)
        exporter.signal(signal.SIGHUP)
        after = wait_until(exporter, lambda state: state.value(RELOADS) > before)
        assert after.ready
        assert after.value(BAD_RELOADS) == 0
        assert after.value(RELOADS) < 50
        assert threads(exporter) < 8
    assert "Traceback" not in log.read_text()


def scrape(port: int, number: int) -> None:
    """Scrape once, whatever the outcome; each asks for a page that must be made just for it."""
    with (
        suppress(OSError, http.client.HTTPException),
        closing(http.client.HTTPConnection("127.0.0.1", port, timeout=10)) as connection,
    ):
        connection.request("GET", f"/metrics?name[]=of_{number}&name[]=tcp_pressure_sockets")
        connection.getresponse().read()


def test_a_crowd_of_scrapers(log: Path) -> None:
    """Two hundred scrapers at once cost no sample, and no descriptor or thread for long.

    Those over the limit get an error, which is counted; the log says so once.
    """
    with running_exporter(log, FAST, "--sample.max-cpu=1", "--web.max-requests=2") as exporter:
        errors = wait_until_well(exporter).value(ERRORS)
        before = descriptors(exporter), threads(exporter)
        crowd = [threading.Thread(target=scrape, args=(exporter.port, n)) for n in range(200)]
        for scraper in crowd:
            scraper.start()
        for scraper in crowd:
            scraper.join()
        after = wait_until_well(exporter)
        assert after.value(LOST_SAMPLES) == 0
        assert after.value(ERRORS) > errors
        deadline = time.monotonic() + 10
        while descriptors(exporter) > before[0]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert threads(exporter) <= before[1] + 1
    assert not lines_since(exporter, 0, "level=error")
    assert len(lines_since(exporter, 0, "refusing scrapes")) == 1
    assert "Traceback" not in log.read_text()
