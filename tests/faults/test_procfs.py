"""The daemon on a broken /proc."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.faults.processes import FAILURES, lines_since, wait_until, wait_until_well
from tests.support.fakes.fake_procfs import FILES, FakeProcfs
from tests.support.labs.exporter_process import running_exporter

SOCKSTAT = "thread-self/net/sockstat"
FLAGS = ("--sample.interval=100ms", "--no-collector.nat", "--sample.max-cpu=1")
NEED_PROC = {"local_ports", "pools", "limits", "kernel_events"}
MEGABYTE = 1 << 20

Damage = Callable[[FakeProcfs, str], None]


def written(content: bytes) -> Damage:
    return lambda procfs, name: procfs.write(name, content)


@pytest.mark.parametrize(
    "damage",
    [
        pytest.param(FakeProcfs.remove, id="missing"),
        pytest.param(FakeProcfs.make_unreadable, id="unreadable"),
        pytest.param(written(b""), id="empty"),
        pytest.param(written(b"\xff\x00\xfe"), id="bytes"),
        pytest.param(written(b"Tcp: one two\nTcp: three\n"), id="malformed"),
        pytest.param(written(b"7 " * MEGABYTE), id="huge"),
        pytest.param(written(b"9" * 400), id="beyond any number"),
    ],
)
def test_every_file(tmp_path: Path, log: Path, damage: Damage) -> None:
    """With every file spoilt, what needs one vanishes, sockets still count, and all recovers."""
    procfs = FakeProcfs(tmp_path / "proc")
    with running_exporter(log, f"--path.procfs={procfs.root}", *FLAGS) as exporter:
        before = wait_until_well(exporter)
        for name in FILES:
            damage(procfs, name)
        during = wait_until(exporter, lambda state: state.failing >= NEED_PROC)
        assert during.ready
        assert "sockets" in during.working
        assert not during.has("tcp_pressure_local_ports_used", "tcp_pressure_pools")
        assert not during.has("tcp_pressure_resource_used", "tcp_pressure_kernel_events_total")
        for name, text in FILES.items():
            procfs.write(name, text)
        after = wait_until_well(exporter)
        assert after.value(FAILURES) - before.value(FAILURES) >= len(NEED_PROC)
        assert lines_since(exporter, 0, "collector works again")
    assert "Traceback" not in log.read_text()


def test_a_file_that_never_answers(tmp_path: Path, log: Path) -> None:
    """While a read hangs, no old number is shown; when it returns, sampling goes on."""
    procfs = FakeProcfs(tmp_path / "proc")
    with running_exporter(log, f"--path.procfs={procfs.root}", *FLAGS) as exporter:
        wait_until_well(exporter)
        hang(procfs)
        during = wait_until(exporter, lambda state: not state.ready)
        assert not during.working
        assert during.has("tcp_pressure_sample_timestamp_seconds"), "how old it is, is told"
        (tmp_path / "pipe").hardlink_to(procfs.root / SOCKSTAT)
        procfs.write(SOCKSTAT, FILES[SOCKSTAT])
        release = threading.Thread(
            target=(tmp_path / "pipe").write_text, args=(FILES[SOCKSTAT],), daemon=True
        )
        release.start()
        wait_until_well(exporter)
        release.join()


def test_stop_while_a_read_hangs(tmp_path: Path, log: Path) -> None:
    """A read that never returns does not keep the process from ending within 2 s."""
    procfs = FakeProcfs(tmp_path / "proc")
    with running_exporter(log, f"--path.procfs={procfs.root}", *FLAGS) as exporter:
        hang(procfs)
        wait_until(exporter, lambda state: not state.ready)
        exporter.signal(signal.SIGTERM)
        assert exporter.process.wait(timeout=2) == 0


def hang(procfs: FakeProcfs) -> None:
    """Make opening the file block: a pipe without a writer."""
    pipe = procfs.root / "pipe"
    os.mkfifo(pipe)
    pipe.rename(procfs.root / SOCKSTAT)
