import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.capabilities import (
    effective_capabilities,
    may_ask_conntrack,
    may_load_programs,
    may_name_processes,
    missing_for_namespaces,
    parse_effective_capabilities,
)
from tests.support.fakes.fake_procfs import FakeProcfs

FILE = "self/status"
STATUS = "Name:\tpython3\nUmask:\t0022\nCapPrm:\t0000000000000000\nCapEff:\t000001ffffffffff\n"
# Prints what this process has as root, and then as nobody.
BOTH = """
import os, pathlib
from tcp_pressure_exporter.sources.procfs.capabilities import effective_capabilities
print(effective_capabilities(pathlib.Path("/proc")))
os.setresuid(65534, 65534, 65534)
print(effective_capabilities(pathlib.Path("/proc")))
"""


def test_real_processes() -> None:
    """The kernel's own answer: root has what naming processes needs, nobody has nothing."""
    command = [sys.executable, "-c", BOTH]
    answer = subprocess.run(command, capture_output=True, text=True, check=True)
    root, nobody = map(int, answer.stdout.split())
    assert may_name_processes(root)
    assert may_ask_conntrack(root)
    assert nobody == 0
    assert not may_name_processes(nobody)
    assert not may_ask_conntrack(nobody)


def test_read(tmp_path: Path) -> None:
    """The line CapEff is read as a hexadecimal number (41 capabilities on Linux 5.9 and later)."""
    FakeProcfs(tmp_path).write(FILE, STATUS)
    assert effective_capabilities(tmp_path) == 2**41 - 1


@pytest.mark.parametrize(
    ("capabilities", "may"),
    [
        (0x80004, True),  # CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH, as `capsh --decode` shows them
        (0x80000, False),
        (0x00004, False),
        (0, False),
        (0x1FF_FFF7_FFFF, False),  # everything but CAP_SYS_PTRACE
        (0x1FF_FFFF_FFFB, False),  # everything but CAP_DAC_READ_SEARCH
        (0x1FF_FFFF_FFFF, True),
    ],
)
def test_may_name_processes(capabilities: int, *, may: bool) -> None:
    """Both capabilities are needed, whatever others there are."""
    assert may_name_processes(capabilities) is may


@pytest.mark.parametrize(
    ("capabilities", "missing"),
    [
        (0x280000, []),  # CAP_SYS_PTRACE and CAP_SYS_ADMIN, as `capsh --decode` shows them
        (0x080000, ["CAP_SYS_ADMIN"]),
        (0x200000, ["CAP_SYS_PTRACE"]),
        (0x1FF_FFD7_FFFF, ["CAP_SYS_ADMIN", "CAP_SYS_PTRACE"]),  # all others
    ],
)
def test_missing_for_namespaces(capabilities: int, missing: list[str]) -> None:
    """Each of the two capabilities is named if it is missing."""
    assert missing_for_namespaces(capabilities) == missing


@pytest.mark.parametrize(
    ("capabilities", "may"),
    [
        (0x1000, True),  # CAP_NET_ADMIN, as `capsh --decode` shows it
        (0x1FF_FFFF_EFFF, False),  # everything but that
        (0x0800, False),
        (0x2000, False),
        (0, False),
    ],
)
def test_may_ask_conntrack(capabilities: int, *, may: bool) -> None:
    """Only CAP_NET_ADMIN matters."""
    assert may_ask_conntrack(capabilities) is may


def test_absent(tmp_path: Path) -> None:
    """Without the file there is no answer: a SourceError."""
    FakeProcfs(tmp_path)
    with pytest.raises(SourceError, match=r"^/proc/self/status: No such file or directory$"):
        effective_capabilities(tmp_path)


def test_name_that_is_not_text(tmp_path: Path) -> None:
    """The process's name may hold any bytes; the rest of the file is read all the same."""
    FakeProcfs(tmp_path).write(FILE, b"Name:\t\xff\xfe\nCapEff:\t0000000000000004\n")
    assert effective_capabilities(tmp_path) == 4


@pytest.mark.parametrize("text", ["", "Name:\tCapEff:\n", "CapPrm:\t00\n", "capeff:\t00\n"])
def test_no_line(text: str) -> None:
    """Without the line there is no answer: a SourceError."""
    with pytest.raises(SourceError, match=r"^/proc/self/status: no line CapEff$"):
        parse_effective_capabilities(text)


@pytest.mark.parametrize(
    "value", ["", "\t", " 4", "\t-4", "\t0x4", "\tFF", "\t٣", "\t" + "0" * 17, "\t" + "f" * 5000]
)
def test_no_number(value: str) -> None:
    """Anything but 64 bits in hexadecimal is a SourceError; its reason stays short."""
    with pytest.raises(SourceError, match=r"^/proc/self/status CapEff: expected 64 bits") as caught:
        parse_effective_capabilities(f"CapEff:{value}")
    assert len(str(caught.value)) < 120


@given(st.integers(0, 2**64 - 1))
def test_number(capabilities: int) -> None:
    """Every set of capabilities is read back from the kernel's notation."""
    text = f"Name:\tx\nCapEff:\t{capabilities:016x}\nCapBnd:\t0\n"
    assert parse_effective_capabilities(text) == capabilities


@given(st.text(alphabet="CapEff:\t\n0aZ", max_size=40))
def test_any_text(text: str) -> None:
    """Any text gives 64 bits or a SourceError."""
    try:
        capabilities = parse_effective_capabilities(text)
    except SourceError:
        return
    assert 0 <= capabilities < 2**64


@pytest.mark.parametrize(
    ("numbers", "may"),
    [((39,), False), ((38,), False), ((38, 39), True), ((21,), True), ((), False)],
)
def test_may_load_programs(numbers: tuple[int, ...], *, may: bool) -> None:
    """CAP_PERFMON (38) and CAP_BPF (39) let programs be loaded, or CAP_SYS_ADMIN (21) alone."""
    assert may_load_programs(sum(1 << number for number in numbers)) is may
