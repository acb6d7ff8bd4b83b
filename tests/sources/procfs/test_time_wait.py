from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse, time_wait_reuse
from tcp_pressure_exporter.sources.procfs.settings import read_time_wait_reuse
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs


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
    """tcp_tw_reuse is off, global or for loopback only, and needs tcp_timestamps."""
    assert time_wait_reuse(mode, timestamps, 1000) == TimeWaitReuse(everywhere, on_loopback, 1000)


@pytest.mark.parametrize(
    ("delay", "expected"), [(None, 1000), (0, 0), (250, 250), (60_000, 60_000)]
)
def test_delay(delay: int | None, expected: int) -> None:
    """A kernel without tcp_tw_reuse_delay waits one second; else the value counts, also 0."""
    assert time_wait_reuse(1, 1, delay).delay_ms == expected


def test_read(tmp_path: Path) -> None:
    """The three sysctls are read from the tree."""
    FakeProcfs(tmp_path).write(f"{IPV4}/tcp_tw_reuse_delay", "500\n")
    expected = TimeWaitReuse(everywhere=False, on_loopback=True, delay_ms=500)
    assert read_time_wait_reuse(tmp_path) == expected


def test_no_delay_sysctl(tmp_path: Path) -> None:
    """Without the newest of the three sysctls the others still answer."""
    FakeProcfs(tmp_path).remove(f"{IPV4}/tcp_tw_reuse_delay")
    assert read_time_wait_reuse(tmp_path).delay_ms == 1000


@pytest.mark.parametrize("name", ["tcp_tw_reuse", "tcp_timestamps"])
def test_absent(tmp_path: Path, name: str) -> None:
    """Without one of the other two there is no answer: a SourceError that names it."""
    FakeProcfs(tmp_path).remove(f"{IPV4}/{name}")
    with pytest.raises(SourceError, match=rf"^net\.ipv4\.{name}: absent$"):
        read_time_wait_reuse(tmp_path)


@pytest.mark.parametrize("name", ["tcp_tw_reuse", "tcp_timestamps", "tcp_tw_reuse_delay"])
@pytest.mark.parametrize("content", ["", "on\n", "1 2\n"])
def test_no_number(tmp_path: Path, name: str, content: str) -> None:
    """A value that is no number is a SourceError that names its sysctl."""
    FakeProcfs(tmp_path).write(f"{IPV4}/{name}", content)
    with pytest.raises(SourceError, match=rf"^net\.ipv4\.{name}: expected a number"):
        read_time_wait_reuse(tmp_path)
