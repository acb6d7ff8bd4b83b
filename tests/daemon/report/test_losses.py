"""What the report says about things that it cannot or may not read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.report.process import REPORT, report

SOCKETS_READ = (
    "The sockets could be read, but not the settings that say which ports connections may use, so"
    " there is no verdict."
)


@pytest.mark.usefixtures("lab")  # which listens
def test_what_cannot_be_read(tmp_path: Path) -> None:
    """Each reason for unreadable data is one line; without pools nothing is called calm."""
    done = report(f"--path.procfs={tmp_path}", COLUMNS="200")
    assert done.returncode == 3
    assert SOCKETS_READ in done.stdout
    lines = [one for one in done.stdout.splitlines() if one.startswith("local_ports, pools")]
    [line] = lines
    assert line.endswith(f": {tmp_path}/sys: absent: is /proc mounted with subset=pid?")
    assert "accept queue" in done.stdout


@pytest.mark.usefixtures("lab")  # which listens
def test_processes_alone() -> None:
    """With a /proc of processes only, root learns that settings are missing, not privileges."""
    mounted = "mount -t proc -o subset=pid proc /proc && exec"
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", f"{mounted} {' '.join(REPORT)}"],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert (done.returncode, done.stderr) == (3, "")
    assert SOCKETS_READ in done.stdout
    assert "/proc/sys: absent: is /proc mounted with subset=pid?" in done.stdout
    assert "accept queue" in done.stdout
    assert "root" not in done.stdout


@pytest.mark.usefixtures("netns")
def test_root_without_rights() -> None:
    """If root lacks a privilege, it is told which one, and not to become root."""
    done = subprocess.run(
        ["setpriv", "--bounding-set=-sys_ptrace", *REPORT],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"COLUMNS": "200"},
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[-1] == (
        "Not shown: process names (needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH)"
    )


# Looks once, so that everything is imported, and then again without a privilege or a means.
AGAIN = """
import os, resource, sys
from tcp_pressure_exporter.daemon.report import command
command.main(["--json"])
command.main([])
print("---", flush=True)
{loss}
raise SystemExit(command.main(sys.argv[1:]))
"""
NO_DESCRIPTORS = "resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))"
NO_RIGHTS = "os.setgroups([]); os.setresgid(*[65534] * 3); os.setresuid(*[65534] * 3)"


def report_without(loss: str, *flags: str) -> tuple[int, str]:
    """Return the exit code and the output of a report after the loss."""
    done = subprocess.run(
        [sys.executable, "-c", AGAIN.format(loss=loss), *flags],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.returncode, done.stdout.rpartition("---\n")[2]


@pytest.mark.usefixtures("netns")
def test_nothing_can_be_read() -> None:
    """If no file and no socket can be opened, there is no verdict: exit code 3."""
    code, text = report_without(NO_DESCRIPTORS)
    assert code == 3
    assert text.startswith("UNKNOWN")
    code, line = report_without(NO_DESCRIPTORS, "--json")
    assert (code, json.loads(line)["verdict"]) == (3, "unknown")


@pytest.mark.usefixtures("netns")
def test_unprivileged() -> None:
    """Without privileges the report works, and its last line says what more would show."""
    code, text = report_without(NO_RIGHTS)
    assert code == 0
    last = " ".join(text.split("\n\n")[-1].split())
    what = "process names, who closes first, refused connections and NAT pools"
    assert last == f"Not shown without more privileges (run it as root): {what}"
