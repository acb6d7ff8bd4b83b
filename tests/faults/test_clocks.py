"""The daemon while clocks jump, the host sleeps, or the process is stopped."""

import signal
import time
from pathlib import Path

import pytest

from tests.faults.conftest import COMMANDS
from tests.faults.processes import FAILURES, state_of, wait_until, wait_until_well
from tests.faults.shim import Faults
from tests.support.labs.exporter_process import running_exporter

TIMESTAMP = "tcp_pressure_sample_timestamp_seconds"
YEAR = 365 * 86_400


@pytest.mark.parametrize("step", [YEAR, -YEAR])
def test_a_step(faults: Faults, log: Path, step: int) -> None:
    """A step of the wall clock changes the samples' time, and nothing else."""
    command = faults.command(COMMANDS["compiled"])
    with running_exporter(log, "--sample.interval=100ms", command=command) as exporter:
        before = wait_until_well(exporter)
        with faults.on(realtime_step=step):
            moment = time.time() + step
            during = wait_until(exporter, lambda state: abs(state.value(TIMESTAMP) - moment) < 60)
            assert during.ready
            assert not during.failing
        wait_until(exporter, lambda state: abs(state.value(TIMESTAMP) - time.time()) < 60)
        assert state_of(exporter).value(FAILURES) == before.value(FAILURES)
    assert "level=error" not in log.read_text()


def test_suspend(faults: Faults, log: Path) -> None:
    """After an hour's suspend, nothing from before is shown; the next sample makes it ready.

    CLOCK_BOOTTIME and the wall clock go on during a suspend, CLOCK_MONOTONIC does not.
    """
    command = faults.command(COMMANDS["compiled"])
    with running_exporter(log, "--sample.interval=3s", command=command) as exporter:
        before = wait_until_well(exporter)
        faults.set(realtime_step=3600, boottime_step=3600)
        during = state_of(exporter)
        assert not during.ready
        assert not during.working
        assert not during.has("tcp_pressure_sockets", "tcp_pressure_pools")
        after = wait_until_well(exporter)
        assert after.value(TIMESTAMP) - before.value(TIMESTAMP) > 3600
    assert "level=error" not in log.read_text()


def test_stopped_and_continued(log: Path) -> None:
    """After SIGSTOP and SIGCONT nothing from before is shown as current, and nothing fails."""
    with running_exporter(log, "--sample.interval=100ms") as exporter:
        before = wait_until_well(exporter)
        exporter.signal(signal.SIGSTOP)
        time.sleep(2)  # many intervals: the test is of the stop itself
        exporter.signal(signal.SIGCONT)
        state = state_of(exporter)
        fresh = state.value(TIMESTAMP) - before.value(TIMESTAMP) >= 2
        # If the host is slow, or a sample was under way, the interval is longer, and shown as such.
        young = 3 * state.value("tcp_pressure_sample_interval_seconds") >= 2
        assert fresh or young or not (state.ready or state.working)
        fresh_from = before.value(TIMESTAMP) + 2
        after = wait_until(
            exporter, lambda state: state.ready and state.value(TIMESTAMP) >= fresh_from
        )
        assert after.value(FAILURES) == 0
    assert "level=error" not in log.read_text()
