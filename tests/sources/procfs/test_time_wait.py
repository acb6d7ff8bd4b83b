from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.time_wait import (
    TimeWaitReuse,
    same_length,
    time_wait_reuse,
    timer_batch,
)
from tcp_pressure_exporter.sources.netlink.socket import kernel_tick
from tcp_pressure_exporter.sources.procfs.settings import ProcSettings, read_time_wait_reuse
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs

TICK = 0.01  # seconds: HZ=100


@pytest.mark.parametrize(
    ("mode", "timestamps", "everywhere", "on_loopback"),
    [
        (0, 1, False, False),
        (1, 1, True, True),
        (2, 1, False, True),
        (1, 2, True, True),  # 2: timestamps without a random offset
        (0, 0, False, False),
        (1, 0, False, False),
        (2, 0, False, False),
    ],
)
def test_meaning(mode: int, timestamps: int, *, everywhere: bool, on_loopback: bool) -> None:
    """tcp_tw_reuse is off, global or only for loopback, and needs tcp_timestamps."""
    assert time_wait_reuse(mode, timestamps, 1000) == TimeWaitReuse(everywhere, on_loopback, 1000)


@pytest.mark.parametrize(
    ("delay", "expected"), [(None, 1000), (0, 0), (250, 250), (60_000, 60_000)]
)
def test_delay(delay: int | None, expected: int) -> None:
    """A kernel without tcp_tw_reuse_delay waits one second; otherwise the value counts, even 0."""
    assert time_wait_reuse(1, 1, delay).delay_ms == expected


def test_read(tmp_path: Path) -> None:
    """The three sysctls are read from the tree."""
    FakeProcfs(tmp_path).write(f"{IPV4}/tcp_tw_reuse_delay", "500\n")
    expected = TimeWaitReuse(everywhere=False, on_loopback=True, delay_ms=500, tick=TICK)
    assert read_time_wait_reuse(tmp_path, TICK) == expected


def test_no_delay_sysctl(tmp_path: Path) -> None:
    """Without the newest of the three sysctls the others still answer."""
    FakeProcfs(tmp_path).remove(f"{IPV4}/tcp_tw_reuse_delay")
    reuse = read_time_wait_reuse(tmp_path, TICK)
    assert (reuse.delay_ms, reuse.whole_seconds) == (1000, True)


@pytest.mark.parametrize(
    ("text", "length_ms"), [("15\n", 15_000), ("300\n", 300_000), ("0\n", 1000), ("601\n", 600_000)]
)
def test_length_setting(tmp_path: Path, text: str, length_ms: int) -> None:
    """Alibaba Cloud Linux has net.ipv4.tcp_tw_timeout: how long TIME_WAIT lasts, 1 to 600 s."""
    FakeProcfs(tmp_path).write(f"{IPV4}/tcp_tw_timeout", text)
    assert read_time_wait_reuse(tmp_path, TICK).lengths == same_length(length_ms)


@pytest.mark.parametrize(
    ("hz", "hold"), [(100, 65.12), (250, 62.048), (300, 61.707), (1000, 64.096)]
)
def test_batches(tmp_path: Path, hz: int, hold: float) -> None:
    """Timers of 60 s expire in batches of 512 ticks, at HZ=1000 of 4,096 (kernel/time/timer.c)."""
    FakeProcfs(tmp_path)
    settings = ProcSettings(tmp_path, lambda: 1 / hz)
    assert settings.time_wait_reuse().hold == pytest.approx(hold, abs=0.001)


@pytest.mark.parametrize(
    ("length_s", "hz", "batch"),
    [(1, 1000, 0.064), (1, 100, 0.08), (15, 250, 0.512 / 2), (16, 250, 0.256), (17, 250, 2.048),
     (300, 250, 16.384), (600, 100, 40.96), (600, 1000, 32.768)],
)  # fmt: skip
def test_batches_of_other_lengths(length_s: int, hz: int, batch: float) -> None:
    """Level n begins at 63 << (3 × (n − 1)) ticks and expires every 8^n.

    300 s at HZ=250 are 75,000 ticks, in level 4, where 4,096 ticks are 16.384 s.
    """
    assert timer_batch(length_s, 1 / hz) == pytest.approx(batch)


def test_real_tick() -> None:
    """The kernel's own tick is that of one of the rates it can be built with."""
    assert round(1 / kernel_tick()) in {100, 250, 300, 1000}


@pytest.mark.parametrize("name", ["tcp_tw_reuse", "tcp_timestamps"])
def test_absent(tmp_path: Path, name: str) -> None:
    """Without one of the other two there is no answer: a SourceError that names it."""
    FakeProcfs(tmp_path).remove(f"{IPV4}/{name}")
    with pytest.raises(SourceError, match=rf"^net\.ipv4\.{name}: absent$"):
        read_time_wait_reuse(tmp_path, TICK)


@pytest.mark.parametrize(
    "name", ["tcp_tw_reuse", "tcp_timestamps", "tcp_tw_reuse_delay", "tcp_tw_timeout"]
)
@pytest.mark.parametrize("content", ["", "on\n", "1 2\n"])
def test_no_number(tmp_path: Path, name: str, content: str) -> None:
    """A value that is not a number is a SourceError that names its sysctl."""
    FakeProcfs(tmp_path).write(f"{IPV4}/{name}", content)
    with pytest.raises(SourceError, match=rf"^net\.ipv4\.{name}: expected a number"):
        read_time_wait_reuse(tmp_path, TICK)
