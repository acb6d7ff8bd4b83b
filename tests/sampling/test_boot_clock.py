import sys
import time
from pathlib import Path

import pytest

from tcp_pressure_exporter.sampling.loop import seconds_since_boot


def test_seconds_since_boot() -> None:
    """The clock is that of /proc/uptime, which counts suspends (fs/proc/uptime.c)."""
    before = float(Path("/proc/uptime").read_text().split()[0])
    now = seconds_since_boot()
    after = float(Path("/proc/uptime").read_text().split()[0])
    assert before - 0.01 <= now <= after + 0.01


def test_other_systems(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the clock does not exist, it is the monotonic one."""
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    before = time.monotonic()
    assert before <= seconds_since_boot() <= time.monotonic()
