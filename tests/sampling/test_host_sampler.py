"""What this process may do, and what it does without."""

import errno
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.sampling import host as host_module
from tcp_pressure_exporter.sampling.elsewhere import OwnNamespace
from tcp_pressure_exporter.sampling.host import NEEDED_CAPABILITIES, open_host, why_no_process_names
from tcp_pressure_exporter.sources import pacing
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.netlink import sockets as sockets_module
from tcp_pressure_exporter.sources.owners import owners as owners_module
from tcp_pressure_exporter.sources.pacing import Spending
from tests.support.fakes.fake_tcp_socket import FakeKernel
from tests.support.sampled import PROC, wishes

# include/uapi/linux/capability.h
NAMING = 1 << 19 | 1 << 2  # CAP_SYS_PTRACE, CAP_DAC_READ_SEARCH
CAP_NET_ADMIN = 1 << 12


def procfs(folder: Path, capabilities: int) -> Path:
    """Make a /proc of a process with some capabilities."""
    (folder / "self").mkdir()
    (folder / "self" / "status").write_text(f"Name:\tx\nCapEff:\t{capabilities:016x}\n")
    return folder


def test_canary_with_its_rights() -> None:
    """If the canary can be kept silent, it is there."""
    assert FakeKernel().canary.missing() is None


def test_canary_without_its_rights() -> None:
    """If it lacks a capability, the reason names it."""
    kernel = FakeKernel()
    kernel.refused = {(6, 19): errno.EPERM, (6, 30): errno.EOPNOTSUPP}  # repair, fast open
    assert "CAP_NET_ADMIN" in (kernel.canary.missing() or "")


def test_process_names_with_their_rights(tmp_path: Path) -> None:
    """A process that may read the descriptors of all processes can name them."""
    assert why_no_process_names(procfs(tmp_path, NAMING)) is None


def test_process_names_without_their_rights(tmp_path: Path) -> None:
    """One that may not gets the capabilities that it takes."""
    reason = why_no_process_names(procfs(tmp_path, NAMING & ~(1 << 2)))
    assert reason == NEEDED_CAPABILITIES
    assert "CAP_DAC_READ_SEARCH" in NEEDED_CAPABILITIES


def test_process_names_without_procfs(tmp_path: Path) -> None:
    """If the capabilities cannot be read, the reason says so."""
    assert "/proc/self/status" in (why_no_process_names(tmp_path / "none") or "")


def test_canary_not_wanted() -> None:
    """An unwanted canary is not reported as missing."""
    host = open_host(wishes("pools"), Path("/nonexistent"), readable_parser(), sys.platform)
    assert host.left_out == {}
    assert host.no_process_names is not None


@pytest.mark.parametrize("source", ["netlink", "auto"])
def test_one_sum_of_what_allowances_pay(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever has an allowance adds what it spends to the host's sum: no other sum is made."""
    made: list[Spending] = []

    class Counted(Spending):
        def __init__(self) -> None:
            super().__init__()
            made.append(self)

    for module in (host_module, pacing, sockets_module, owners_module):
        monkeypatch.setattr(module, "Spending", Counted)
    host = open_host(wishes(*COLLECTORS, source=source), PROC, readable_parser(), sys.platform)
    OwnNamespace(host, PROC)
    assert made == [host.spending]
    host.own.close()


def conntrack_procfs(folder: Path, capabilities: int) -> Path:
    """Make a /proc of a gateway whose connections this process may not read as text."""
    (folder / "thread-self" / "net" / "nf_conntrack").mkdir(parents=True)
    return procfs(folder, capabilities)


def left_out(root: Path, *collectors: str) -> Mapping[str, str]:
    return open_host(wishes(*collectors), root, readable_parser(), sys.platform).left_out


def test_nat_with_its_rights(tmp_path: Path) -> None:
    """Permission to ask conntrack is enough."""
    assert left_out(conntrack_procfs(tmp_path, CAP_NET_ADMIN), "nat") == {}


def test_nat_without_its_rights(tmp_path: Path) -> None:
    """Without it, and without its text, the reason names the capability that it takes."""
    root = conntrack_procfs(tmp_path, NAMING)
    reasons = left_out(root, "nat", "pools")
    assert list(reasons) == ["nat"]
    assert "CAP_NET_ADMIN" in reasons["nat"]
    assert left_out(root, "pools") == {}


def test_nat_by_text(tmp_path: Path) -> None:
    """No capability is needed if its text is readable, or on a host without conntrack."""
    root = conntrack_procfs(tmp_path, 0)
    text = root / "thread-self" / "net" / "nf_conntrack"
    text.rmdir()
    assert left_out(root, "nat") == {}
    text.touch()
    assert left_out(root, "nat") == {}


def test_nat_with_unknown_rights(tmp_path: Path) -> None:
    """If the capabilities cannot be read, the text has to do."""
    (tmp_path / "thread-self" / "net" / "nf_conntrack").mkdir(parents=True)
    assert list(left_out(tmp_path, "nat")) == ["nat"]


def test_linux_does_without_the_portable_modules() -> None:
    """If netlink answers, nothing for other systems is imported: that would cost memory."""
    code = (
        "import sys; from pathlib import Path;"
        "from tcp_pressure_exporter.sampling import host as h;"
        "from tcp_pressure_exporter.sources.counting.parser import best_parser;"
        "made = h.open_host(h.Wishes('host', {}), Path('/proc'), best_parser(), sys.platform);"
        "print(made.counted_by, made.no_netlink,"
        " any('portable' in name for name in sys.modules))"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert printed.stdout == "compiled None False\n"
