"""Connections that are closed through io_uring."""

import subprocess
from pathlib import Path

import pytest

from benchmarks.programs import compile_c
from tcp_pressure_exporter.sources.bpf.active_closes import ActiveCloses
from tests.sources.bpf.counted_closes import closers
from tests.support.labs.closers_lab import settled, time_wait_entries
from tests.support.labs.lab import SERVER_PORT, Lab

URING = Path(__file__).with_name("uring_close.c")


@pytest.mark.bpf
def test_io_uring(lab: Lab, active_closes: ActiveCloses, tmp_path: Path) -> None:
    """A close through io_uring counts for the process that asked, at once or by a worker.

    If the kernel does not permit io_uring, nothing is closed that way.
    """
    program = compile_c(URING, tmp_path)
    done = subprocess.run(
        [program, str(SERVER_PORT), "20"], capture_output=True, text=True, check=True
    )
    closed = int(done.stdout)
    for _ in range(closed):
        lab.server4.accept()[0].close()
    assert settled(time_wait_entries, closed) == closed
    expected = {(program.name[:15], False): closed} if closed else {}
    assert closers(active_closes) == expected
