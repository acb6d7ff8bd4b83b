"""--sample.source: the source of the sockets, and what is said about it."""

import json
import sys
from pathlib import Path

import pytest

from tests.support.labs.exporter_process import COMMAND, run_exporter, running_exporter, value_of

WITHOUT_RIGHTS = ("setpriv", "--inh-caps=-all", "--bounding-set=-all", str(COMMAND))
FLAGS = ("--once", "--no-collector.nat", "--no-collector.failures", "--no-collector.canary")
INFO = "tcp_pressure_sample_source_info"
FALLBACKS = "tcp_pressure_sample_source_fallbacks_total"


@pytest.mark.bpf("connections")
@pytest.mark.parametrize("source", ["auto", "bpf"])
def test_bpf(source: str, tmp_path: Path) -> None:
    """If BPF is available and wanted, it is the source of sockets; the log and a metric say so."""
    with running_exporter(tmp_path / "log", f"--sample.source={source}") as exporter:
        exposition = exporter.metrics()
        log = exporter.log.read_text()
    assert " source=bpf\n" in log
    assert "sockets are read" not in log
    assert value_of(exposition, f'{INFO}{{source="bpf"}}') == 1
    assert value_of(exposition, FALLBACKS) == 0


MOVED_FIELD = """
import sys
from tcp_pressure_exporter.__main__ import main
from tcp_pressure_exporter.sources.bpf.walk import sockets
sockets.difference = lambda *_: "ipv4 established: 9 by netlink, 0 by BPF"
sys.argv[1:] = ["--once", "--no-collector.nat", "--no-collector.failures", "--sample.source=bpf"]
raise SystemExit(main())
"""


@pytest.mark.bpf("connections")
def test_giving_way() -> None:
    """If a walk disagrees with a dump, the first sample is netlink's, and says so."""
    once = run_exporter(command=(sys.executable, "-c", MOVED_FIELD))
    assert once.returncode == 0, once.stderr
    (line,) = [line for line in once.stderr.splitlines() if "another source" in line]
    assert "level=warning" in line
    assert "source=netlink" in line
    assert "differs from netlink's dump: ipv4 established: 9 by netlink, 0 by BPF" in line
    assert value_of(once.stdout, f'{INFO}{{source="netlink"}}') == 1
    assert value_of(once.stdout, FALLBACKS) == 1


COSTLY_CHECK = """
import time
from tcp_pressure_exporter.__main__ import main
from tcp_pressure_exporter.sources.bpf.walk import sockets

def difference(*_):
    end = time.thread_time() + 1.5
    while time.thread_time() < end:
        pass

sockets.difference = difference
raise SystemExit(main())
"""


@pytest.mark.bpf("connections")
def test_costly_check(tmp_path: Path) -> None:
    """A check with more CPU time than a sample may use is told, but does not delay the next one."""
    flags = ("--sample.interval=20s", "--sample.source=bpf", "--no-collector.nat")
    command = (sys.executable, "-c", COSTLY_CHECK)
    with running_exporter(tmp_path / "log", *flags, command=command) as exporter:
        assert value_of(exporter.metrics(), "tcp_pressure_sample_interval_seconds") == 20
        _status, body = exporter.get("/api/v1/status")
        log = exporter.log.read_text()
    assert json.loads(body)["exporter"]["cpu_seconds"] >= 1.5
    assert "stretched" not in log


def test_without_rights() -> None:
    """Without the privilege to load programs, `auto` is netlink, and the log has the reason."""
    once = run_exporter(*FLAGS, "--sample.source=auto", command=WITHOUT_RIGHTS)
    assert once.returncode == 0, once.stderr
    assert 'msg="sockets are read" source=netlink reason="BPF object connections: ' in once.stderr
    assert value_of(once.stdout, f'{INFO}{{source="netlink"}}') == 1
    assert FALLBACKS not in once.stdout


def test_demanded_in_vain() -> None:
    """An unavailable `bpf` is a bad flag: one line with the reason, and exit code 2."""
    once = run_exporter(*FLAGS, "--sample.source=bpf", command=WITHOUT_RIGHTS)
    assert (once.returncode, once.stdout) == (2, "")
    (line,) = once.stderr.splitlines()
    assert line.startswith(
        "tcp-pressure-exporter: error: --sample.source: bpf: BPF object connections: "
    )


def test_netlink() -> None:
    """Netlink is not mentioned if it was asked for."""
    once = run_exporter(*FLAGS, "--sample.source=netlink")
    assert once.returncode == 0, once.stderr
    assert "sockets are read" not in once.stderr
    assert value_of(once.stdout, f'{INFO}{{source="netlink"}}') == 1
