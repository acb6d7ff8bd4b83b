"""The exporter as a process with BPF programs: its privileges, and what it leaves behind."""

import errno
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.faults.processes import wait_until
from tests.support.labs.exporter_process import COMMAND, Exporter, running_exporter, value_of
from tests.support.labs.lab import Lab
from tests.support.labs.without_netlink import without_call

pytestmark = pytest.mark.bpf

FLAGS = ("--sample.interval=100ms", "--sample.max-cpu=1", "--no-collector.nat")
REFUSED = 'tcp_pressure_connect_failures_total{cause="no_port",netns="host"}'
RELOADS = 'tcp_pressure_config_reloads_total{result="success"}'
CAP_PERFMON, CAP_BPF = 1 << 38, 1 << 39  # include/uapi/linux/capability.h
HIDDEN = "tcp_pressure_local_ports_hidden{"  # from the walk
HELD_PORT = 45_000
IP_LOCAL_PORT_RANGE = 51  # include/uapi/linux/in.h
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\u202e]")
KEPT = "the privileges to load BPF programs are kept"
ID = re.compile(r"^(prog|map|link)_id:\t(\d+)$", re.MULTILINE)
FREED_SECONDS = 20.0  # the kernel frees after a grace period, on a separate thread

Id = tuple[str, int]  # kind and number


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the exporter's standard error goes."""
    return tmp_path / "exporter.log"


@pytest.fixture
def refused(lab: Lab) -> Callable[[int], None]:
    """Make connect() fail that often: the one port that it may choose is bound."""
    lab.listen("127.0.0.2", HELD_PORT)
    only = struct.pack("=HH", HELD_PORT, HELD_PORT)

    def fail(times: int) -> None:
        for _ in range(times):
            with socket.socket() as client:
                client.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, only)
                assert client.connect_ex(("127.0.0.9", 443)) == errno.EADDRNOTAVAIL

    return fail


def wait_for(exporter: Exporter, number: int) -> None:
    """Wait until that many refused calls have been counted; fail immediately on more."""
    wait_until(exporter, lambda state: state.value(REFUSED) >= number)
    assert value_of(exporter.metrics(), REFUSED) == number


def held(pid: int) -> set[Id]:
    """Return the programs, maps and links that a process holds."""
    found: set[Id] = set()
    for info in Path(f"/proc/{pid}/fdinfo").iterdir():
        with suppress(FileNotFoundError):  # for a file or socket that came and went
            found.update((kind, int(number)) for kind, number in ID.findall(info.read_text()))
    return found


def in_kernel() -> set[Id]:
    """Return all programs, maps and links, as bpftool lists them."""
    return {(kind, entry["id"]) for kind in ("prog", "map", "link") for entry in listed(kind)}


def listed(kind: str) -> list[dict[str, int]]:
    """Return bpftool's list; it gives up, and is asked again, if something on it is just freed."""
    deadline = time.monotonic() + FREED_SECONDS
    while (
        done := subprocess.run(["bpftool", "-j", kind], stdout=subprocess.PIPE, check=False)
    ).returncode:
        assert time.monotonic() < deadline, done.stdout
        time.sleep(0.05)
    entries: list[dict[str, int]] = json.loads(done.stdout)
    return entries


def wait_until_freed(ours: set[Id]) -> None:
    deadline = time.monotonic() + FREED_SECONDS
    while left := ours & in_kernel():
        assert time.monotonic() < deadline, left
        time.sleep(0.05)


@pytest.mark.parametrize("end", [signal.SIGTERM, signal.SIGKILL])
def test_nothing_stays(end: signal.Signals, log: Path, lab: Lab) -> None:  # noqa: ARG001
    """However the process ends, none of its programs, maps or links is left in the kernel."""
    with running_exporter(log, *FLAGS) as exporter:
        ours = held(exporter.process.pid)
        assert {kind for kind, _number in ours} == {"prog", "map", "link"}
        assert ours <= in_kernel()
        exporter.signal(end)
        exporter.process.wait(10)
    wait_until_freed(ours)


FAILED_START = f"""
import pathlib, sys
from tcp_pressure_exporter.daemon import command
from tcp_pressure_exporter.sources.bpf import _bpf
load = _bpf.load
def recording(name):
    found = load(name)
    for descriptor in found.values():
        print(pathlib.Path(f"/proc/self/fdinfo/{{descriptor}}").read_text())
    return found
_bpf.load = recording
command.main([sys.argv[1], *{FLAGS!r}])
"""


def test_failed_start(lab: Lab) -> None:
    """A start that fails after the programs are loaded leaves nothing either."""
    taken = lab.listen("127.0.0.1", 10190).getsockname()[1]
    address = f"--web.listen-address=127.0.0.1:{taken}"
    done = subprocess.run(
        [sys.executable, "-c", FAILED_START, address], capture_output=True, text=True, check=False
    )
    assert done.returncode == 2, done.stderr
    ours = {(kind, int(number)) for kind, number in ID.findall(done.stdout)}
    assert len(ours) > 4
    wait_until_freed(ours)


def test_counters(log: Path, tmp_path: Path, refused: Callable[[int], None]) -> None:
    """Counts survive a reload, and begin at 0 with a new start."""
    config = tmp_path / "config.yml"
    config.write_text("pools: {top: 5}\n")
    flags = (*FLAGS, f"--config.file={config}")
    with running_exporter(log, *flags) as exporter:
        refused(7)
        wait_for(exporter, 7)
        exporter.signal(signal.SIGHUP)
        wait_until(exporter, lambda state: state.value(RELOADS) == 1)
        refused(2)
        wait_for(exporter, 9)
    with running_exporter(log, *flags) as exporter:
        assert value_of(exporter.metrics(), REFUSED) == 0


def rights_of_threads(pid: int) -> set[str]:
    """Return the capabilities in every set but the bounding one, of every thread."""
    return {
        line
        for task in Path(f"/proc/{pid}/task").iterdir()
        for line in (task / "status").read_text().splitlines()
        if line.startswith(("CapInh", "CapPrm", "CapEff", "CapAmb"))
    }


def test_rights_are_given_up(log: Path, refused: Callable[[int], None]) -> None:
    """Once the programs are loaded, no thread may load others, and they go on counting."""
    with running_exporter(log, *FLAGS) as exporter:
        assert len(list(Path(f"/proc/{exporter.process.pid}/task").iterdir())) > 1
        for line in rights_of_threads(exporter.process.pid):
            assert int(line.split()[1], 16) & (CAP_BPF | CAP_PERFMON) == 0, line
        refused(3)
        wait_for(exporter, 3)
        assert HIDDEN in exporter.metrics()
    assert KEPT not in log.read_text()


def test_rights_that_are_kept(log: Path, refused: Callable[[int], None]) -> None:
    """If capset() is denied, one line says so, and everything counts all the same."""
    command = without_call("capset", [str(COMMAND)])
    with running_exporter(log, *FLAGS, command=command) as exporter:
        refused(3)
        wait_for(exporter, 3)
    assert log.read_text().count(KEPT) == 1


HOSTILE = [
    b'x"} 1\n# TYPE y',
    b"a\nb\r\x0bc",
    b"\x1b[31mred\x07",
    b"\xff\xfe\x80",
    b"</td><script>",
    b"back\\slash\\",
    "\u202eevil".encode(),
]


def test_hostile_names(log: Path, refused: Callable[[int], None]) -> None:
    """Any process name stays text, in the metrics, on the page and in the document."""
    with running_exporter(log, *FLAGS, "--pool.top=20") as exporter:
        for name in HOSTILE:
            named(name, refused)
        wait_for(exporter, len(HOSTILE))
        families = list(text_string_to_metric_families(exporter.metrics()))
        page, document = exporter.get("/")[1], exporter.get("/api/v1/status")[1]
    shown = [
        sample.labels["process"]
        for family in families
        for sample in family.samples
        if sample.name == "tcp_pressure_port_failure_owner_total"
    ]
    assert sorted(shown) == sorted(name.decode("utf-8", "replace") for name in HOSTILE)
    assert "<script>" not in page
    for text in (page, document, log.read_text()):
        assert not UNPRINTABLE.search(text)
    json.loads(document)


def named(name: bytes, refused: Callable[[int], None]) -> None:
    """Let a process with that name be refused once."""
    if not (pid := os.fork()):
        Path("/proc/self/comm").write_bytes(name)
        refused(1)
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
