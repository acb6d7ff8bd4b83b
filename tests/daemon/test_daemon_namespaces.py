"""The exporter as a process that samples every network namespace of the real host."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.support.labs.exporter_process import (
    AS_NOBODY,
    Exporter,
    run_exporter,
    running_exporter,
    value_of,
)
from tests.support.labs.lab import open_lab
from tests.support.labs.other_namespaces import OtherNamespaces, inside, ip_netns
from tests.support.labs.prometheus_server import PROMTOOL

# Keeps some capabilities, raised and effective, while AS_NOBODY drops root's privileges.
KEEPING = """
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
def keep(mask):
    assert libc.prctl(8, 1, 0, 0, 0) == 0  # PR_SET_KEEPCAPS
    def give_up(real, effective, saved, setresuid=os.setresuid):
        setresuid(real, effective, saved)
        header = (ctypes.c_uint32 * 2)(0x20080522, 0)  # _LINUX_CAPABILITY_VERSION_3
        data = (ctypes.c_uint32 * 6)(mask, mask, 0, 0, 0, 0)  # the lower 32 bits
        assert libc.capset(header, data) == 0
    os.setresuid = give_up
"""
ADMIN, PTRACE = 1 << 21, 1 << 19  # include/uapi/linux/capability.h


def nobody_with(capabilities: int) -> tuple[str, ...]:
    """Return the command of an exporter as user nobody with some capabilities."""
    imports, rest = AS_NOBODY.split("options =", 1)
    code = f"{imports}{KEEPING}keep({capabilities})\noptions ={rest}"
    return (sys.executable, "-c", code)


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the exporter's standard error goes."""
    return tmp_path / "exporter.log"


@contextmanager
def busy_namespace() -> Iterator[str]:
    """Give the name of an ip-netns(8) namespace with 30 connections in it."""
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            lab = stack.enter_context(open_lab())
            for _ in range(30):
                lab.connect("127.0.0.9")
        yield name


def wait_until(exporter: Exporter, seen: Callable[[str], bool]) -> str:
    """Return the first exposition in which something is seen."""
    deadline = time.monotonic() + 10
    while not seen(page := exporter.metrics()):
        assert time.monotonic() < deadline, page
        time.sleep(0.02)
    return page


def established(page: str, name: str) -> float:
    series = f'tcp_pressure_sockets{{family="ipv4",netns="{name}",state="established"}}'
    return value_of(page, series)


def test_coming_and_going(log: Path) -> None:
    """A namespace has series soon after it appears, next to the exporter's, until it vanishes."""
    flags = ("--collector.netns", "--netns.include=tcp-pressure-.*", "--sample.interval=100ms")
    with running_exporter(log, *flags) as exporter:
        with busy_namespace() as name:
            page = wait_until(exporter, lambda page: f'netns="{name}"' in page)
            assert established(page, name) == 60
            assert 'tcp_pressure_sockets{family="ipv4",netns="host",state="established"}' in page
            assert value_of(page, 'tcp_pressure_namespaces{state="sampled"}') >= 1
            assert not re.search(r"^tcp_pressure_collector_success{.*} 0\.0$", page, re.MULTILINE)
        wait_until(exporter, lambda page: f'netns="{name}"' not in page)
    assert "level=error" not in log.read_text()


def test_off_by_default(log: Path) -> None:
    """Without the flag no other namespace is looked at, and their number is reported."""
    with busy_namespace() as name, running_exporter(log) as exporter:
        page = exporter.metrics()
    assert set(re.findall(r'netns="([^"]*)"', page)) == {"host"}
    assert re.findall(r"^tcp_pressure_namespaces{(.*)}", page, re.MULTILINE) == [
        'state="not_looked_at"'
    ]
    assert value_of(page, 'tcp_pressure_namespaces{state="not_looked_at"}') >= 1
    assert name not in log.read_text()


def test_exclude() -> None:
    """A namespace excluded by its label has no series, and is counted."""
    with busy_namespace() as name:
        flags = ("--collector.netns", f"--netns.exclude={name}", "--once")
        result = run_exporter(*flags)
    assert result.returncode == 0
    assert f'netns="{name}"' not in result.stdout
    assert value_of(result.stdout, 'tcp_pressure_namespaces{state="excluded"}') == 1


def test_two_capabilities_suffice(log: Path, others: OtherNamespaces) -> None:
    """User nobody with only CAP_SYS_ADMIN and CAP_SYS_PTRACE samples other users' namespaces."""
    roots = others.run(sockets=60)
    flags = ("--collector.netns", "--netns.include=tcp-pressure-.*|ns:.*")
    with (
        busy_namespace() as name,
        running_exporter(log, *flags, command=nobody_with(ADMIN | PTRACE)) as exporter,
    ):
        status = Path(f"/proc/{exporter.process.pid}/status").read_text()
        page = exporter.metrics()
    assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.MULTILINE)
    assert re.search(rf"^CapEff:\t{ADMIN | PTRACE:016x}$", status, re.MULTILINE)
    assert established(page, name) == 60
    listening = f'tcp_pressure_sockets{{family="ipv4",netns="ns:{roots.inode}",state="listen"}}'
    assert value_of(page, listening) == 60
    assert value_of(page, 'tcp_pressure_namespaces{state="unreadable"}') == 0
    assert "cannot be read" not in log.read_text()


@pytest.mark.parametrize(
    ("capabilities", "missing"),
    [
        (0, "CAP_SYS_ADMIN and CAP_SYS_PTRACE"),
        (ADMIN, "CAP_SYS_PTRACE"),
        (PTRACE, "CAP_SYS_ADMIN"),
    ],
)
def test_without_its_rights(log: Path, capabilities: int, missing: str) -> None:
    """Without a capability it is off, one line says which is missing, and everything else works."""
    command = nobody_with(capabilities)
    with (
        busy_namespace() as name,
        running_exporter(log, "--collector.netns", command=command) as exporter,
    ):
        page = exporter.metrics()
        lines = [line for line in log.read_text().splitlines() if "collector=netns" in line]
    assert len(lines) == 1
    assert f'msg="collector is off" collector=netns reason="needs {missing}"' in lines[0]
    assert f'netns="{name}"' not in page
    # Without the one they cannot be entered, without the other they cannot all be seen.
    states = re.findall(r"^tcp_pressure_namespaces{(.*)}", page, re.MULTILINE)
    assert states == (['state="not_looked_at"'] if capabilities == PTRACE else [])
    assert 'tcp_pressure_collector_success{collector="pools",netns="host"} 1.0' in page


def test_exposition_is_clean(log: Path) -> None:
    """`promtool check metrics` has nothing to say about a page with several namespaces."""
    with (
        busy_namespace(),
        busy_namespace(),
        running_exporter(log, "--collector.netns") as exporter,
    ):
        page = exporter.metrics()
    check = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")
