import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tcp_pressure_exporter.sources.owners import processes as module
from tcp_pressure_exporter.sources.owners.processes import find_processes

HERE, PARENT = os.getpid(), os.getppid()


def comm(pid: int) -> str:
    """Return the name of a process as the kernel tells it (proc_pid_comm(5))."""
    return Path(f"/proc/{pid}/comm").read_text().removesuffix("\n")


class FakeDescriptors:
    """A /proc with the descriptors of some processes that really exist."""

    def __init__(self, procfs: Path) -> None:
        self.procfs = procfs

    def give(self, pid: int, *targets: str) -> None:
        """Give a process descriptors that point to the targets."""
        folder = self.procfs / str(pid) / "fd"
        folder.mkdir(parents=True)
        for number, target in enumerate(targets):
            (folder / str(number)).symlink_to(target)


@pytest.fixture
def fake(tmp_path: Path) -> FakeDescriptors:
    """Make an empty /proc."""
    return FakeDescriptors(tmp_path)


def test_likely_process_is_enough(fake: FakeDescriptors) -> None:
    """The search ends with the last inode: nothing after it is looked at."""
    fake.give(HERE, "/dev/null", "socket:[5]", "pipe:[6]", "socket:[7]")
    asked = []

    def first() -> Iterator[int]:
        for pid in (HERE, PARENT):
            asked.append(pid)
            yield pid

    assert find_processes([5, 7], first(), fake.procfs) == {5: comm(HERE), 7: comm(HERE)}
    assert asked == [HERE]


@pytest.mark.parametrize("first", [(), (1,), (1, HERE)])
def test_init_comes_last(fake: FakeDescriptors, first: tuple[int, ...]) -> None:
    """Of several processes with a socket it is not process 1, unless that alone has it."""
    fake.give(1, "socket:[5]", "socket:[6]")
    fake.give(HERE, "socket:[5]")
    assert find_processes([5, 6], first, fake.procfs) == {5: comm(HERE), 6: comm(1)}


def test_likely_process_comes_first(fake: FakeDescriptors) -> None:
    """Of several processes with a socket it is the likely one."""
    fake.give(HERE, "socket:[5]")
    fake.give(PARENT, "socket:[5]")
    assert find_processes([5], [HERE], fake.procfs) == {5: comm(HERE)}
    assert find_processes([5], [PARENT], fake.procfs) == {5: comm(PARENT)}


def test_ended_process(fake: FakeDescriptors) -> None:
    """A process that has ended before it is looked at, or named, is nobody's owner."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    fake.give(HERE, "socket:[6]")
    assert find_processes([6], [process.pid], fake.procfs) == {6: comm(HERE)}
    fake.give(process.pid, "socket:[5]")
    assert find_processes([5, 6], [process.pid], fake.procfs) == {6: comm(HERE)}


def test_closed_descriptor(fake: FakeDescriptors) -> None:
    """A link that cannot be read any more is skipped, and the other ones are read."""
    fake.give(HERE, "socket:[5]", "socket:[6]")
    (fake.procfs / str(HERE) / "fd" / "0").unlink()
    (fake.procfs / str(HERE) / "fd" / "0").mkdir()
    assert find_processes([6], (), fake.procfs) == {6: comm(HERE)}


@pytest.mark.parametrize("target", ["socket:[05]", "socket:[5", "pipe:[5]", "/socket:[5]", "5"])
def test_other_links(fake: FakeDescriptors, target: str) -> None:
    """Only the kernel's name of the socket is the socket (sockfs_dname() in net/socket.c)."""
    fake.give(HERE, target)
    assert find_processes([5], [HERE], fake.procfs) == {}


def test_number_of_links(fake: FakeDescriptors, monkeypatch: pytest.MonkeyPatch) -> None:
    """At most MAX_FDS links are read, sockets or not."""
    monkeypatch.setattr(module, "MAX_FDS", 4)
    fake.give(PARENT, "/dev/null", "pipe:[1]", "socket:[2]")
    fake.give(HERE, "socket:[5]")
    assert find_processes([5], [PARENT, HERE], fake.procfs) == {5: comm(HERE)}
    monkeypatch.setattr(module, "MAX_FDS", 3)
    assert find_processes([5], [PARENT, HERE], fake.procfs) == {}


def test_nothing_to_find(fake: FakeDescriptors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an inode no process is looked at."""
    monkeypatch.delattr(psutil, "pids")
    assert find_processes([], (), fake.procfs) == {}
