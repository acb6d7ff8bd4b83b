"""A sample as a file: whole, readable by all, and never an old one."""

import os
import re
import shutil
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.textfile import new_or_absent, replace_file
from tests.support.labs.exporter_process import COMMAND, run_exporter
from tests.support.labs.node_exporter import textfile_page

OLD = "tcp_pressure_sockets 1\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return where the sample goes: into a separate folder, which has an old one."""
    folder = tmp_path / "textfile"
    folder.mkdir()
    path = folder / "tcp-pressure.prom"
    path.write_text(OLD)
    return path


@pytest.fixture
def strict_umask() -> Iterator[None]:
    """Let nobody else read what this process makes."""
    before = os.umask(0o077)
    yield
    os.umask(before)


def entries(file: Path) -> list[str]:
    return sorted(path.name for path in file.parent.iterdir())


def names(page: str) -> set[str]:
    """Return the names of the metrics that have a sample in the page."""
    return set(re.findall(r"^([a-z_]\w*)", page, re.MULTILINE))


@pytest.mark.usefixtures("strict_umask")
def test_whole_and_readable(file: Path) -> None:
    """The file has mode 0644 whatever the umask, and is alone in its folder."""
    replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    assert stat.S_IMODE(file.stat().st_mode) == 0o644
    assert entries(file) == [file.name]


def test_a_reader_never_sees_a_part(file: Path) -> None:
    """A reader during replacement gets the old content or the new one, whole."""
    contents = [bytes([number]) * 100_000 for number in range(200)]
    replace_file(file, contents[0])

    def replace_again_and_again() -> None:
        for content in contents:
            replace_file(file, content)

    writer = threading.Thread(target=replace_again_and_again)
    writer.start()
    seen = {file.read_bytes()}
    while writer.is_alive():
        seen.add(file.read_bytes())
    assert seen <= set(contents)


@pytest.mark.parametrize("place", ["device", "link", "folder"])
def test_nothing_else_is_replaced(place: str, file: Path) -> None:
    """A device, a link or a folder at the path stays, and is an error."""
    path = file.with_name(place)
    if place == "device":
        os.mknod(path, stat.S_IFCHR | 0o666, os.makedev(1, 3))  # /dev/null
    elif place == "link":
        path.symlink_to(file)
    else:
        path.mkdir()
    before = path.lstat()
    with pytest.raises(FileExistsError, match="not a regular file"), new_or_absent(path):
        replace_file(path, b"new")
    assert path.lstat() == before
    assert file.read_text() == OLD


def test_gone_unless_replaced(file: Path) -> None:
    """At the end of the block the file is new, or there is none."""
    with new_or_absent(file):
        replace_file(file, b"new")
    assert file.read_bytes() == b"new"
    with pytest.raises(SystemExit), new_or_absent(file):
        raise SystemExit(2)
    assert entries(file) == []
    with new_or_absent(file):
        pass  # nor does a missing one matter
    assert entries(file) == []


def test_node_exporter_serves_it(file: Path) -> None:
    """node_exporter takes the file as it is: the sample's metrics, and none of its own twice."""
    done = run_exporter(f"--once.file={file}")
    assert (done.returncode, done.stdout) == (0, "")
    status, page = textfile_page(file.parent)
    assert status == 200
    assert "\nnode_textfile_scrape_error 0\n" in page
    assert page.count("\nprocess_resident_memory_bytes ") == 1
    written = names(file.read_text())
    assert {"tcp_pressure_sockets", "tcp_pressure_kernel_events_total"} <= written <= names(page)
    assert {name for name in written if not name.startswith("tcp_pressure_")} == set()


def test_counts_from_the_start_are_absent(file: Path) -> None:
    """What only a long-running process can count is not reported as zero."""
    run_exporter(f"--once.file={file}")
    counters = {name for name in names(file.read_text()) if name.endswith("_total")}
    assert counters == {"tcp_pressure_kernel_events_total"}


def test_a_failed_collector_is_told(file: Path, tmp_path: Path) -> None:
    """If a part of the sample failed, the file is new, without its metrics, and says so."""
    procfs = tmp_path / "proc"
    (procfs / "sys/net/ipv4").mkdir(parents=True)
    (procfs / "thread-self/net").mkdir(parents=True)
    for name in ("sockstat", "netstat", "snmp"):
        shutil.copyfile(f"/proc/net/{name}", procfs / "thread-self/net" / name)
    done = run_exporter(f"--once.file={file}", f"--path.procfs={procfs}")
    page = file.read_text()
    assert done.returncode == 1
    assert 'tcp_pressure_collector_success{collector="local_ports",netns="host"} 0.0' in page
    assert "tcp_pressure_sockets{" in page
    assert "tcp_pressure_local_port_range_low" not in page


def test_a_bad_flag_leaves_no_old_file(file: Path) -> None:
    """If nothing could be sampled, the old file is gone."""
    done = run_exporter(f"--once.file={file}", "--config.file=/nonexistent.yml")
    assert done.returncode == 2
    assert entries(file) == []


def test_a_full_disk_leaves_no_old_file(file: Path) -> None:
    """Without room for the new file, the old one is gone, nothing is left, and a line says so."""
    command = ("prlimit", "--fsize=1000", str(COMMAND))  # the most bytes that a file may have
    done = run_exporter(f"--once.file={file}", "--log.format=logfmt", command=command)
    assert (done.returncode, done.stdout) == (1, "")
    (line,) = [line for line in done.stderr.splitlines() if "level=error" in line]
    assert f'msg="sample not written" file={file}' in line
    assert entries(file) == []


def test_no_such_folder(tmp_path: Path) -> None:
    """A folder that does not exist is one line and exit code 1."""
    done = run_exporter(f"--once.file={tmp_path}/none/x.prom", "--log.format=logfmt")
    assert done.returncode == 1
    (line,) = [line for line in done.stderr.splitlines() if "level=error" in line]
    assert 'reason="No such file or directory"' in line
