"""The status page as the exporter serves it: made once for what it shows, however many ask."""

import re
import signal
import sys
import time
from pathlib import Path

from tcp_pressure_exporter.pages.status.source import load_assets
from tcp_pressure_exporter.web.pages.routes import STATIC_FOLDER
from tests.support.labs.exporter_process import Exporter, running_exporter

# Runs the command; the makers of page and document append how many times they have been called.
NUMBERING = """
import itertools
from tcp_pressure_exporter.__main__ import main
from tcp_pressure_exporter.pages.status.source import StatusSource

def numbered(make):
    numbers = itertools.count(1)
    return lambda *asked: make(*asked) + b"\\nmade %d" % next(numbers)

StatusSource.page = numbered(StatusSource.page)
StatusSource.document = numbered(StatusSource.document)
raise SystemExit(main())
"""
COMMAND = (sys.executable, "-c", NUMBERING)
ONE_SAMPLE = "--sample.interval=10m"  # no second one comes during the test
PATIENCE_SECONDS = 10.0
PAGE, DOCUMENT = "/", "/api/v1/status"


def made(exporter: Exporter, path: str) -> int:
    """Return how often the page at a path has been made, according to its answer now."""
    status, body = exporter.get(path)
    assert status == 200
    return int(body.rpartition("made ")[2])


def test_files_are_where_no_metrics_may_be() -> None:
    """The page's files are in the folder that no telemetry path may lead into."""
    assert all(asset.path.startswith(STATIC_FOLDER) for asset in load_assets().values())


def test_once_for_a_sample(tmp_path: Path) -> None:
    """For one sample, the page and the document are made once each, whatever else is answered."""
    with running_exporter(tmp_path / "log", ONE_SAMPLE, command=COMMAND) as exporter:
        for _ in range(20):
            assert made(exporter, PAGE) == made(exporter, DOCUMENT) == 1
            assert exporter.get("/metrics")[0] == 200
            assert exporter.get("/missing")[0] == 404


def test_each_sample_anew(tmp_path: Path) -> None:
    """The next sample is shown, not the page made from the previous one."""
    fast = "--sample.interval=100ms"
    with running_exporter(tmp_path / "log", fast, command=COMMAND) as exporter:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while made(exporter, PAGE) < 3:
            assert time.monotonic() < deadline
            time.sleep(0.05)


def test_each_reload_anew(tmp_path: Path) -> None:
    """A reload is shown immediately, whether good or refused, although no sample has come since."""
    file = tmp_path / "config.yml"
    file.write_text("pools: {top: 3}")
    flags = (f"--config.file={file}", ONE_SAMPLE)
    with running_exporter(tmp_path / "log", *flags, command=COMMAND) as exporter:
        assert made(exporter, PAGE) == 1
        file.write_text("pools: {top: 4}")
        exporter.signal(signal.SIGHUP)
        exporter.wait_for_log("configuration reloaded")
        assert re.search(r"reloads of the file</th><td>1</td>", exporter.get(PAGE)[1])
        file.write_text("pools: {top: -1}")
        exporter.signal(signal.SIGHUP)
        exporter.wait_for_log("not reloaded")
        assert re.search(r"<td>1, and 1 rejected</td>", exporter.get(PAGE)[1])
        assert made(exporter, PAGE) == made(exporter, PAGE) == 3
