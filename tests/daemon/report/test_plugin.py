"""--nagios: the report as a monitoring plugin."""

from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.report.plugin import without_surprise
from tests.daemon.report.process import LOCAL, REMOTE, report
from tests.support.labs.lab import Lab


@pytest.mark.parametrize(
    ("sockets", "code", "state"), [(10, 0, "OK"), (75, 1, "WARNING"), (95, 2, "CRITICAL")]
)
def test_states(small_range: Lab, sockets: int, code: int, state: str) -> None:
    """The exit code is the state's: of a hundred ports, 70 used are a warning, 90 critical."""
    for _ in range(sockets):
        small_range.connect(REMOTE, LOCAL)
    done = report("--nagios")
    (line,) = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (code, "")
    assert line.startswith(f"TCP PRESSURE {state} - ")
    assert f"'outbound'={sockets}%;70;90;0;" in line


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--nagios", "--wach"], "--wach: unknown flag, did you mean --watch?"),
        (["--pool.top=x", "--nagios"], "--pool.top: must be an integer from 0 to 100"),
        (["--nagios", "--json"], "--nagios: cannot be combined with --json"),
        (["--nagios", "--config.file=/nonexistent.yml"], "/nonexistent.yml: No such file"),
    ],
)
def test_misuse(flags: list[str], reason: str) -> None:
    """Misuse is UNKNOWN with exit code 3, on stdout, where the monitoring system looks."""
    done = report(*flags)
    assert (done.returncode, done.stderr) == (3, "")
    (line,) = done.stdout.splitlines()
    assert line.startswith("TCP PRESSURE UNKNOWN - ")
    assert reason in line


def test_nothing_to_read(tmp_path: Path) -> None:
    """If /proc is empty, there is no verdict: UNKNOWN, not OK."""
    done = report("--nagios", f"--path.procfs={tmp_path}")
    assert done.returncode == 3
    assert done.stdout.startswith("TCP PRESSURE UNKNOWN - ")


def test_surprise(capsys: pytest.CaptureFixture[str]) -> None:
    """An unforeseen error is UNKNOWN; Python's own exit code would mean WARNING."""

    def fail() -> int:
        raise MemoryError("no room")

    assert without_surprise(fail) == 3
    assert capsys.readouterr().out == "TCP PRESSURE UNKNOWN - MemoryError: no room\n"
