import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tcp_pressure_exporter.sources.owners import processes as module
from tcp_pressure_exporter.sources.owners.processes import Search, find_processes

INIT = 1


class Pids(NamedTuple):
    """The ids of processes that really exist; `init` is process 1."""

    web: int
    proxy: int
    init: int = INIT


@pytest.fixture(scope="module")
def pids(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pids]:
    """Run two processes: pytest itself, or what started it, may be process 1."""
    folder = tmp_path_factory.mktemp("programs")
    with running(folder / "web") as web, running(folder / "proxy") as proxy:
        yield Pids(web, proxy)


@contextmanager
def running(program: Path) -> Iterator[int]:
    """Run cat(1) under another name until the end; return its process id."""
    program.symlink_to("/bin/cat")
    pipe = subprocess.PIPE
    with subprocess.Popen([program], stdin=pipe, stdout=pipe, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        # Once it answers, it has its name: exec reports success before it sets it.
        process.stdin.write("\n")
        process.stdin.flush()
        process.stdout.readline()
        yield process.pid


def name_of_init() -> str:
    """Return the name of process 1 according to the kernel (proc_pid_comm(5))."""
    return Path(f"/proc/{INIT}/comm").read_text().removesuffix("\n")


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


def test_likely_process_is_enough(fake: FakeDescriptors, pids: Pids) -> None:
    """The search ends with the last inode: nothing after it is looked at."""
    fake.give(pids.web, "/dev/null", "socket:[5]", "pipe:[6]", "socket:[7]")
    asked = []

    def first() -> Iterator[int]:
        for pid in (pids.web, pids.proxy):
            asked.append(pid)
            yield pid

    assert find_processes([5, 7], first(), fake.procfs).names == {5: "web", 7: "web"}
    assert asked == [pids.web]


@pytest.mark.parametrize("first", [(), ("init",), ("init", "web")])
def test_init_comes_last(fake: FakeDescriptors, pids: Pids, first: tuple[str, ...]) -> None:
    """Of several processes with a socket it is not process 1, unless only that has it."""
    fake.give(pids.init, "socket:[5]", "socket:[6]")
    fake.give(pids.web, "socket:[5]")
    assert find_processes([5, 6], [getattr(pids, name) for name in first], fake.procfs).names == {
        5: "web",
        6: name_of_init(),
    }


def test_likely_process_comes_first(fake: FakeDescriptors, pids: Pids) -> None:
    """Of several processes with a socket it is the likely one."""
    fake.give(pids.web, "socket:[5]")
    fake.give(pids.proxy, "socket:[5]")
    assert find_processes([5], [pids.web], fake.procfs).names == {5: "web"}
    assert find_processes([5], [pids.proxy], fake.procfs).names == {5: "proxy"}


def test_ended_process(fake: FakeDescriptors, pids: Pids) -> None:
    """A process that ends before it is examined, or named, owns nothing."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    fake.give(pids.web, "socket:[6]")
    assert find_processes([6], [process.pid], fake.procfs).names == {6: "web"}
    fake.give(process.pid, "socket:[5]")
    assert find_processes([5, 6], [process.pid], fake.procfs).names == {6: "web"}


def test_closed_descriptor(fake: FakeDescriptors, pids: Pids) -> None:
    """A link that can no longer be read is skipped, and the others are read."""
    fake.give(pids.web, "socket:[5]", "socket:[6]")
    (fake.procfs / str(pids.web) / "fd" / "0").unlink()
    (fake.procfs / str(pids.web) / "fd" / "0").mkdir()
    assert find_processes([6], (), fake.procfs).names == {6: "web"}


@pytest.mark.parametrize("target", ["socket:[05]", "socket:[5", "pipe:[5]", "/socket:[5]", "5"])
def test_other_links(fake: FakeDescriptors, pids: Pids, target: str) -> None:
    """Only the kernel's name of the socket is the socket (sockfs_dname() in net/socket.c)."""
    fake.give(pids.web, target)
    assert find_processes([5], [pids.web], fake.procfs).names == {}


def test_number_of_links(
    fake: FakeDescriptors, pids: Pids, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At most MAX_FDS links are read, sockets or not; the result says if there were more."""
    monkeypatch.setattr(module, "MAX_FDS", 4)
    fake.give(pids.proxy, "/dev/null", "pipe:[1]", "socket:[2]")
    fake.give(pids.web, "socket:[5]")
    search = partial(find_processes, [5], [pids.proxy, pids.web], fake.procfs)
    assert search() == Search({5: "web"}, complete=True, pids={5: pids.web})
    monkeypatch.setattr(module, "MAX_FDS", 3)
    assert search() == Search({}, complete=False)


def test_end_at_the_limit(
    fake: FakeDescriptors, pids: Pids, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A search that has seen every link is complete, even if it found nothing."""
    monkeypatch.setattr(module, "MAX_FDS", 3)
    fake.give(pids.proxy, "/dev/null", "pipe:[1]", "socket:[2]")
    assert find_processes([5], [pids.proxy], fake.procfs) == Search({}, complete=True)


def test_nothing_to_find(fake: FakeDescriptors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an inode no process is looked at."""
    monkeypatch.delattr(psutil, "pids")
    assert find_processes([], (), fake.procfs).names == {}
