"""The first process of an emulated machine: runs the tests there and writes the results."""

import ctypes
import json
import os
import platform
import socket
import sys
import traceback
from pathlib import Path
from typing import TypedDict

import pytest

MODULES = Path("/modules")
PLAN = Path("/plan.json")
MARK = "@@ "  # begins each line that is a result
COMPILED = Path("src/tcp_pressure_exporter/sources/counting/_tally.abi3.so")
ASIDE = Path("/compiled")
RB_POWER_OFF = 0x4321FEDC  # include/uapi/linux/reboot.h
FINIT_MODULE = {"x86_64": 313, "aarch64": 273}  # the system call's number
# Tests for which an emulated processor is too slow: the search for owners paces itself by CPU time,
# and the effect of a remedy is measured at a steady rate.
TOO_SLOW = (
    "tests/real_kernel/test_close_wait.py::test_leaking_process_is_named",
    "tests/real_kernel/test_remedies.py",
)
MOUNTS = (
    ("proc", "/proc"),
    ("sysfs", "/sys"),
    ("devtmpfs", "/dev"),
    ("devpts", "/dev/pts"),
    ("tmpfs", "/dev/shm"),  # noqa: S108 - POSIX's own
    ("tmpfs", "/run"),
    ("cgroup2", "/sys/fs/cgroup"),
)


class Run(TypedDict):
    """One run of pytest: which tests, with which parser."""

    parser: str
    tests: list[str]


def main(root: Path) -> None:
    """Run what the plan says and switch the machine off."""
    try:
        os.chdir(root)
        _listener = prepare()
        say(release=platform.release())
        for run in json.loads(PLAN.read_text()):
            run_tests(run)
        say(finished=True)
    except BaseException:  # noqa: BLE001 - the first process must not end
        traceback.print_exc()
    finally:
        os.sync()
        ctypes.CDLL(None).reboot(RB_POWER_OFF)


def prepare() -> socket.socket:
    """Mount what every Linux has, load the modules, wake `lo`, and listen as every host does."""
    libc = ctypes.CDLL(None, use_errno=True)
    for kind, folder in MOUNTS:
        Path(folder).mkdir(parents=True, exist_ok=True)
        libc.mount(kind.encode(), folder.encode(), kind.encode(), 0, None)
    for path in sorted(MODULES.iterdir()):
        with path.open("rb") as module:
            if libc.syscall(FINIT_MODULE[platform.machine()], module.fileno(), b"", 0) != 0:
                print(f"{path.name}: {os.strerror(ctypes.get_errno())}", file=sys.stderr)
    os.system("ip link set lo up")  # noqa: S605 - from the machine's own path
    return socket.create_server(("127.0.0.1", 22))


def run_tests(run: Run) -> None:
    """Run pytest as a child: the first process has to wait for all orphans.

    The readable parser counts if there is no compiled one.
    """
    hidden = run["parser"] == "readable" and COMPILED.exists()
    if hidden:
        COMPILED.rename(ASIDE)
    child = os.fork()
    if child == 0:
        os.setsid()
        flags = ["-q", "-p", "no:cacheprovider", "--capture=fd", "--color=no"]
        flags += [f"--deselect={test}" for test in TOO_SLOW]
        os._exit(pytest.main([*flags, *run["tests"]], [Reporter(run["parser"])]))
    while os.wait()[0] != child:
        pass
    if hidden:
        ASIDE.rename(COMPILED)


class Reporter:
    """A pytest plugin that writes a line for each test, and what it recorded about the kernel."""

    def __init__(self, parser: str) -> None:
        self._parser = parser

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Report the outcome of a call, or of what failed before or after it."""
        if report.when == "call" or report.failed:
            self._say(report, dict(report.user_properties))

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Report a file that could not be collected."""
        if report.failed:
            self._say(report, {})

    def _say(self, report: pytest.TestReport | pytest.CollectReport, facts: object) -> None:
        lines = [line[1:].strip() for line in report.longreprtext.splitlines() if line[:1] == "E"]
        say(
            test=report.nodeid,
            parser=self._parser,
            passed=report.passed,
            facts=facts,
            reason=" ".join(lines)[:200],
        )


def say(**result: object) -> None:
    """Write one line of results, in one piece, bypassing pytest's capture."""
    with Path("/dev/console").open("wb", buffering=0) as console:
        console.write(f"\n{MARK}{json.dumps(result)}\n".encode())
