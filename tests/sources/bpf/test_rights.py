"""What prevents programs from loading; none of it matters once they are loaded."""

import errno
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.bpf import loading
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, load
from tests.support.fakes.bpf_calls import Refusing
from tests.support.labs.without_netlink import without_call

PERFMON, BPF, ADMIN = 1 << 38, 1 << 39, 1 << 21  # include/uapi/linux/capability.h
HOST_USERS = "         0          0 4294967295\n"  # user_namespaces(7)
IN_INTEGRITY = "none [integrity] confidentiality\n"  # kernel_lockdown(7)
IN_CONFIDENTIALITY = "none integrity [confidentiality]\n"


@pytest.mark.parametrize(
    ("capabilities", "users", "lockdown", "seccomp", "code", "said"),
    [
        (0, HOST_USERS, None, 0, errno.EPERM, "needs CAP_BPF and CAP_PERFMON (EPERM"),
        (BPF, HOST_USERS, None, 0, errno.EINVAL, "needs CAP_BPF and CAP_PERFMON (EINVAL"),
        (BPF | PERFMON, HOST_USERS, None, 0, errno.EINVAL, "EINVAL: Invalid"),
        (ADMIN, HOST_USERS, None, 0, errno.E2BIG, "E2BIG: Argument"),
        (ADMIN, "0 1000 1\n", None, 0, errno.EPERM, "of the host, not of a user namespace (EPERM"),
        (ADMIN, "0 0 1000\n1000 1000 9\n", None, 0, errno.EPERM, "not of a user namespace"),
        (ADMIN, "", None, 0, errno.EPERM, "EPERM: Operation"),
        (ADMIN, HOST_USERS, IN_INTEGRITY, 0, errno.EINVAL, "EINVAL: Invalid"),
        (
            ADMIN,
            HOST_USERS,
            IN_CONFIDENTIALITY,
            0,
            errno.EINVAL,
            "is locked down and lets no program",
        ),
        (ADMIN, HOST_USERS, None, 2, errno.EPERM, "(seccomp) may deny bpf() (EPERM"),
        (ADMIN, HOST_USERS, None, 2, errno.EINVAL, "EINVAL: Invalid"),
    ],
)
def test_cause(  # noqa: PLR0913, PLR0917 - the columns of a table
    capabilities: int,
    users: str,
    lockdown: str | None,
    seccomp: int,
    code: int,
    said: str,
    tmp_path: Path,
) -> None:
    """A refusal is reported with its likely cause, and with the kernel's own reason."""
    own = tmp_path / "self"
    own.mkdir()
    status = f"Name:\tx\nCapEff:\t{capabilities:016x}\nNoNewPrivs:\t0\nSeccomp:\t{seccomp}\nX:\n"
    (own / "status").write_text(status)
    (own / "uid_map").write_text(users)
    if lockdown:
        (tmp_path / "lockdown").write_text(lockdown)
    with pytest.raises(SourceError) as caught:
        load(
            "bind_hash",
            tmp_path,
            tmp_path / "lockdown",
            lambda name: BpfObject(name, Refusing(code)),
        )
    assert said in str(caught.value)
    assert str(caught.value).count("BPF object bind_hash") == 1


def test_not_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """If the compiled part is missing, that is the reason, and there are no privileges to drop."""
    monkeypatch.setitem(sys.modules, "tcp_pressure_exporter.sources.bpf._bpf", None)
    monkeypatch.delattr("tcp_pressure_exporter.sources.bpf._bpf", raising=False)
    with pytest.raises(SourceError, match=f"^BPF object bind_hash: {loading.NOT_BUILT}$"):
        load("bind_hash")
    assert loading.give_up_rights() is None


TRY = """
from tcp_pressure_exporter.sources.bpf.bind_hash import open_bind_hash
table = open_bind_hash()
print(getattr(table, "reason", "is read"))
"""
ALONE = ["setpriv", "--inh-caps=-all", "--bounding-set=-all,+bpf,+perfmon"]


def run(command: Sequence[str], code: str) -> str:
    done = subprocess.run(
        [*command, sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.bpf
def test_user_namespace() -> None:
    """Root of a user namespace, as in a rootless container, learns that it lacks the rights."""
    assert "of the host, not of a user namespace (EPERM" in run(["unshare", "--user", "-r"], TRY)


@pytest.mark.bpf
def test_filter() -> None:
    """A system-call filter, like a container's, is named as the likely cause."""
    assert "(seccomp) may deny bpf() (EPERM" in run(without_call("bpf", []), TRY)


@pytest.mark.bpf
def test_no_locked_memory() -> None:
    """RLIMIT_MEMLOCK does not matter: maps are charged to the cgroup (Linux 5.11 and later)."""
    assert run(["prlimit", "--memlock=0"], TRY) == "is read\n"


GIVE_UP = """
import pathlib
from tcp_pressure_exporter.sources.bpf.bind_hash import open_bind_hash
from tcp_pressure_exporter.sources.bpf.loading import give_up_rights
from tcp_pressure_exporter.sources.bpf.port_failures import open_port_failures
table, failures = open_bind_hash(), open_port_failures()
print(give_up_rights())
print([line.split()[1] for line in pathlib.Path("/proc/self/status").read_text().splitlines()
       if line[:6] in ("CapInh", "CapPrm", "CapEff", "CapAmb")])
print(table.skipped_ports() >= 0, failures.port_failures().lost)
print(getattr(open_bind_hash(), "reason", "is read"))
"""


@pytest.mark.bpf
def test_nothing_is_needed_afterwards() -> None:
    """With no capability left, maps are still read and the walk runs; nothing else can be loaded.

    The same holds with kernel.unprivileged_bpf_disabled = 2, the default of Debian's kernels.
    """
    told, left, read, again = run(ALONE, GIVE_UP).splitlines()
    assert (told, left, read) == ("None", str(["0" * 16] * 4), "True 0")
    assert "needs CAP_BPF and CAP_PERFMON (EPERM" in again


WALK_ON = """
import os
from tcp_pressure_exporter.sources.bpf.loading import give_up_rights
from tcp_pressure_exporter.sources.bpf.walk.elsewhere import collect
from tcp_pressure_exporter.sources.bpf.walk.tables import open_tables
from tests.sources.bpf.walk.test_table import RULES
from tests.support.sampled import Namespace
tables = open_tables()
print(give_up_rights())
for _ in range(2):  # each compares its first walk with a dump
    sockets = Namespace(tables=tables).sockets
    sockets.tally(RULES)
    print(sockets.told_by.source, sockets.told_by.fallbacks)
print(len(collect(tables.connections, [os.stat("/proc/self/ns/net").st_ino])))
"""


@pytest.mark.bpf("connections")
def test_walk_goes_on() -> None:
    """With no capability left, connections are still walked, and compared with netlink's dump.

    So are those of other network namespaces.
    """
    assert run(ALONE, WALK_ON).splitlines() == ["None", "bpf 0", "bpf 0", "1"]


@pytest.mark.bpf
def test_rights_that_cannot_be_given_up() -> None:
    """If a filter denies capset(), that is reported, and what is loaded still works."""
    told, left, read, again = run([*ALONE, *without_call("capset", [])], GIVE_UP).splitlines()
    assert told == "capset(): EPERM: Operation not permitted"
    assert f"{BPF | PERFMON:016x}" in left
    assert (read, again) == ("True 0", "is read")


@pytest.mark.bpf
def test_no_rights_to_give_up() -> None:
    """If there are none, nothing is requested, so no filter can deny it."""
    code = "from tcp_pressure_exporter.sources.bpf.loading import give_up_rights as go; print(go())"
    rights = ["setpriv", "--inh-caps=-all", "--bounding-set=-bpf,-perfmon"]
    assert run([*rights, *without_call("capset", [])], code) == "None\n"
