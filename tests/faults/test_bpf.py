"""The daemon on a kernel whose bpf(2) fails, at the start or later."""

import errno
import os
import sys
from pathlib import Path

import pytest

from tests.faults.processes import (
    FAILURES,
    State,
    lines_since,
    named,
    wait_until,
    wait_until_well,
)
from tests.faults.shim import Faults
from tests.support.labs.exporter_process import COMMAND, Exporter, running_exporter

FLAGS = ("--sample.interval=100ms", "--no-collector.nat", "--sample.max-cpu=1")
NEED_BPF = frozenset({"active_closes", "failures", "findings", "local_ports"})  # the last in part
EXACT = "tcp_pressure_local_ports_hidden"
COUNTED = (
    "tcp_pressure_connect_failures_total",
    "tcp_pressure_unlisted_port_failures_total",
    "tcp_pressure_unlisted_pool_active_closes_total",
)
ELSE = ("tcp_pressure_sockets", "tcp_pressure_local_ports_usable", "tcp_pressure_pools")
NOT_BUILT = """
import sys
sys.modules["tcp_pressure_exporter.sources.bpf._bpf"] = None
from tcp_pressure_exporter.daemon.command import main
raise SystemExit(main(sys.argv[1:]))
"""


def reason_of(code: int) -> str:
    return f"{errno.errorcode[code]}: {os.strerror(code)}"


def is_off(exporter: Exporter, reason: str) -> State:
    """Assert that the log has one line for each thing that is off; return what is shown."""
    shown = wait_until_well(exporter)
    for event in ("exact count of hidden ports is off", "collector is off"):
        [line] = lines_since(exporter, 0, event)
        assert reason in line
    assert not shown.working & {"active_closes", "failures"}
    assert not shown.has(EXACT, *COUNTED)
    assert shown.has(*ELSE)
    return shown


@pytest.mark.parametrize(
    "code",
    [
        errno.EPERM,  # no right, or lockdown
        errno.EACCES,  # the verifier
        errno.EINVAL,  # a kernel that is too old, or without BTF
        errno.E2BIG,  # a program too long for the verifier
        errno.ENOMEM,  # the limit of the cgroup, or of RLIMIT_MEMLOCK
        errno.ENOSYS,  # a kernel without bpf(2)
    ],
)
def test_refused_at_the_start(code: int, faults: Faults, log: Path) -> None:
    """Whatever error the kernel gives on loading, BPF is off, and everything else goes on."""
    faults.set(bpf_error=code)
    command = faults.command((str(COMMAND),))
    with running_exporter(log, *FLAGS, command=command) as exporter:
        is_off(exporter, reason_of(code))
    assert "Traceback" not in log.read_text()


def test_not_installed(log: Path) -> None:
    """Without the compiled part, the reason says so, and everything else goes on."""
    command = (sys.executable, "-c", NOT_BUILT)
    with running_exporter(log, *FLAGS, command=command) as exporter:
        is_off(exporter, "the exporter was installed without its compiled BPF part")
    assert "Traceback" not in log.read_text()


@pytest.mark.bpf
@pytest.mark.parametrize("code", [errno.EPERM, errno.ENOMEM, errno.EBADF])
def test_failing_later(code: int, faults: Faults, log: Path) -> None:
    """What a loaded program shows vanishes while it fails, and returns; everything else goes on."""
    command = faults.command((str(COMMAND),))
    with running_exporter(log, *FLAGS, command=command) as exporter:
        before = wait_until_well(exporter)
        assert before.has(EXACT)
        assert before.has(*COUNTED)
        place = len(log.read_text())
        with faults.on(bpf_error=code):
            during = wait_until(exporter, lambda state: state.failing == NEED_BPF)
            assert during.ready
            assert not during.has(EXACT, *COUNTED)
            assert during.has(*ELSE)
            lines = lines_since(exporter, place, "collector fails")
            assert named(lines) == sorted(NEED_BPF)
            assert all(reason_of(code) in line for line in lines)
        after = wait_until_well(exporter)
        assert after.has(EXACT)
        assert after.has(*COUNTED)
        assert after.value(FAILURES) > before.value(FAILURES)
    assert "Traceback" not in log.read_text()
