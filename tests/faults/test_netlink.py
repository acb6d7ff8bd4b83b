"""The daemon on a kernel whose netlink fails."""

import errno
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tests.faults.conftest import COMMANDS
from tests.faults.processes import FAILURES, lines_since, named, wait_until, wait_until_well
from tests.faults.shim import Faults
from tests.support.labs.exporter_process import Exporter, running_exporter

# What cannot be shown without sock_diag; findings are shown in part.
NEED_SOCK_DIAG = frozenset(
    {
        *("sockets", "local_ports", "pools", "canary", "pool_owners"),
        *("close_wait", "listen_queues", "findings", "active_closes"),
    }
)
FLAGS = ("--sample.interval=100ms", "--no-collector.nat", "--sample.max-cpu=1")
TAKEN_AT = "tcp_pressure_sample_timestamp_seconds"
BY_NETLINK = (*FLAGS, "--sample.source=netlink")


class Daemon(NamedTuple):
    exporter: Exporter
    faults: Faults


@pytest.fixture(scope="module", params=COMMANDS)
def daemon(
    request: pytest.FixtureRequest, shim: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Daemon]:
    """Run one daemon for all faults, with each parser: it must survive all of them."""
    folder = tmp_path_factory.mktemp("netlink")
    faults = Faults(shim, folder / "faults")
    command = faults.command(COMMANDS[request.param])
    with running_exporter(folder / "exporter.log", *BY_NETLINK, command=command) as exporter:
        yield Daemon(exporter, faults)


def metrics_of(collectors: frozenset[str]) -> set[str]:
    return {family.name for name in collectors for family in COLLECTORS[name].families}


@pytest.mark.parametrize(
    ("fault", "value", "reason"),
    [
        ("send_error", errno.EPERM, "Operation not permitted"),
        ("receive_error", errno.ENOBUFS, "No buffer space available"),
        ("receive_error", errno.EBUSY, "Device or resource busy"),
        ("answer_error", errno.EBUSY, "EBUSY: Device or resource busy"),
        ("answer_error", errno.EPERM, "EPERM: Operation not permitted"),
        ("interrupted", 1, "interrupted: the table changed meanwhile"),
        ("cut", 1, "bytes left"),
        ("garbage", 1, "length 4294967295"),
        ("endless", 1, "not finished after 60 s"),
    ],
)
def test_fault(daemon: Daemon, fault: str, value: int, reason: str) -> None:
    """What sock_diag shows vanishes, all else stays; one line begins it, one ends it; it counts."""
    exporter, faults = daemon
    before = wait_until_well(exporter)
    place = len(exporter.log.read_text())
    with faults.on(**{fault: value}):
        during = wait_until(exporter, lambda state: state.failing == NEED_SOCK_DIAG)
        assert during.ready, "the sample is fresh, if poorer"
        assert not during.has(*(metrics_of(NEED_SOCK_DIAG) - {"tcp_pressure_finding"}))
        assert during.has("tcp_pressure_resource_used", "tcp_pressure_sysctl")
        lines = lines_since(exporter, place, "collector fails")
        assert all(reason in line for line in lines)
        assert named(lines) == sorted(NEED_SOCK_DIAG), "each collector is in one line"
    after = wait_until_well(exporter)
    assert named(lines_since(exporter, place, "collector works again")) == sorted(NEED_SOCK_DIAG)
    assert after.value(FAILURES) - before.value(FAILURES) >= len(NEED_SOCK_DIAG)
    assert after.has(*metrics_of(frozenset({"sockets"})))
    assert "Traceback" not in exporter.log.read_text()


def test_silence(shim: Path, tmp_path: Path) -> None:
    """If the kernel never answers, no old number is shown, and the thread does not hang."""
    faults = Faults(shim, tmp_path / "faults")
    command = faults.command(COMMANDS["compiled"])
    log = tmp_path / "exporter.log"
    with running_exporter(log, *BY_NETLINK, command=command) as exporter:
        with faults.on(silent=1):
            during = wait_until(exporter, lambda state: not state.ready)
            assert not during.working, "a sample older than three intervals is not shown"
            exporter.wait_for_log("sock_diag dump: timed out")
        assert wait_until_well(exporter).has("tcp_pressure_sockets")


@pytest.mark.bpf
def test_by_bpf(shim: Path, tmp_path: Path) -> None:
    """Where BPF reads the sockets they are told although netlink fails, and nothing is wrong."""
    faults = Faults(shim, tmp_path / "faults")
    log = tmp_path / "exporter.log"
    command = faults.command(COMMANDS["compiled"])
    with running_exporter(log, *FLAGS, "--sample.source=bpf", command=command) as exporter:
        before = wait_until_well(exporter)
        with faults.on(answer_error=errno.EPERM):
            later = before.value(TAKEN_AT) + 1
            during = wait_until(exporter, lambda state: state.value(TAKEN_AT) >= later)
        assert during.ready
        assert not during.failing
        assert during.has(*metrics_of(frozenset({"sockets", "listen_queues"})))
    assert "collector fails" not in log.read_text()
