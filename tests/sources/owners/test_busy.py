"""Which processes are searched first: those whose sockets come and go."""

from pathlib import Path

import pytest

from tcp_pressure_exporter.sources.owners import busy as busy_module
from tcp_pressure_exporter.sources.owners import processes as module
from tcp_pressure_exporter.sources.owners.busy import MOST_BUSY, MOST_LINKS, BusyProcesses
from tcp_pressure_exporter.sources.owners.processes import find_processes
from tests.sources.owners.test_processes_search import FakeDescriptors, Pids, fake, pids

__all__ = ["fake", "pids"]  # fixtures


def test_whose_sockets_change() -> None:
    """A process with other sockets than the last time is busy; the busiest come first."""
    busy = BusyProcesses()
    for mark in range(4):
        busy.note(1, 77)
        busy.note(2, 1 + mark)
        busy.note(3, 1 + mark // 3)
    assert busy.foremost() == [2, 3]


def test_calms_down() -> None:
    """One whose sockets stay is no longer busy after a few searches."""
    busy = BusyProcesses()
    for mark in (1, 2, 2, 2, 2, 2):
        busy.note(1, mark)
    assert busy.foremost() == []


def test_without_sockets() -> None:
    """Processes without a socket take no room; one that had some may be busy."""
    busy = BusyProcesses()
    for pid in range(100):
        busy.note(pid, 0)
    assert not busy._marks  # noqa: SLF001 - nothing else shows it
    busy.note(7, 5)
    busy.note(7, 0)
    assert busy.foremost() == [7]


def test_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    """The number of processes with sockets that are remembered is bounded."""
    monkeypatch.setattr(busy_module, "MOST_MARKED", 10)
    busy = BusyProcesses()
    for pid in range(100):
        busy.note(pid, pid + 1)
        assert len(busy._marks) <= 10  # noqa: SLF001 - nothing else shows it


def test_bound() -> None:
    """Of many busy processes few are kept."""
    busy = BusyProcesses()
    busy.found(range(1_000))
    assert len(busy.foremost()) == MOST_BUSY


def test_busy_alone(fake: FakeDescriptors, pids: Pids) -> None:
    """Busy processes are searched before the others, or alone."""
    fake.give(pids.web, "socket:[5]")
    fake.give(pids.proxy, "socket:[5]", "socket:[6]")
    busy = BusyProcesses()
    assert find_processes([6], (), fake.procfs, busy).names == {6: "proxy"}
    found = find_processes([5], (), fake.procfs, busy, busy_alone=True)
    assert (found.names, found.pids) == ({5: "proxy"}, {5: pids.proxy})
    assert find_processes([5], [pids.web], fake.procfs, busy).names == {5: "proxy"}


def test_nobody_is_busy(fake: FakeDescriptors, pids: Pids) -> None:
    """If no process is busy, a search of busy ones finds nothing, and is over at once."""
    fake.give(pids.web, "socket:[5]")
    assert find_processes([5], (), fake.procfs, BusyProcesses(), busy_alone=True).names == {}


def test_sockets_that_change(fake: FakeDescriptors, pids: Pids) -> None:
    """A search learns whose sockets have changed since the previous one."""
    fake.give(pids.web, "socket:[1]")
    fake.give(pids.proxy, "socket:[2]")
    busy = BusyProcesses()
    assert find_processes([99], (), fake.procfs, busy).names == {}
    link = Path(fake.procfs, str(pids.proxy), "fd", "0")
    link.unlink()
    link.symlink_to("socket:[3]")
    assert find_processes([99], (), fake.procfs, busy).names == {}
    assert busy.foremost() == [pids.proxy]


def test_first_search(fake: FakeDescriptors, pids: Pids) -> None:
    """The first search passes twice, so that the next one knows whose sockets come and go."""
    fake.give(pids.web, "socket:[1]")
    seen: list[int] = []

    class Changing(BusyProcesses):
        def note(self, pid: int, mark: int) -> None:
            seen.append(pid)
            super().note(pid, len(seen) if pid == pids.web else mark)

    busy = Changing()
    assert find_processes([99], [pids.web], fake.procfs, busy).names == {}
    assert seen.count(pids.web) == 2
    assert busy.foremost() == [pids.web]
    assert find_processes([99], [pids.web], fake.procfs, busy).names == {}
    assert seen.count(pids.web) == 3


def test_closed_before_it_is_known(fake: FakeDescriptors, pids: Pids) -> None:
    """A socket seen with a busy process is attributed to it, even if closed meanwhile."""
    fake.give(pids.proxy, "socket:[1]")
    busy = BusyProcesses()
    assert find_processes([1], (), fake.procfs, busy).names == {1: "proxy"}
    link = Path(fake.procfs, str(pids.proxy), "fd", "0")
    for target in ("socket:[2]", "socket:[3]"):
        link.unlink()
        link.symlink_to(target)
        assert find_processes([], (), fake.procfs, busy, busy_alone=True).names == {}
    assert find_processes([2], (), fake.procfs, busy, busy_alone=True).names == {2: "proxy"}
    assert len(busy.links) <= MOST_LINKS


def test_process_that_was_not_seen_to_the_end(fake: FakeDescriptors, pids: Pids) -> None:
    """A search that ends inside a process learns nothing about it."""
    fake.give(pids.web, "socket:[1]", "socket:[2]", "socket:[3]")
    busy = BusyProcesses()
    assert find_processes([99], (), fake.procfs, busy).names == {}
    assert find_processes([1], [pids.web], fake.procfs, busy).names == {1: "web"}
    assert find_processes([99], (), fake.procfs, busy).names == {}
    assert busy.foremost() == [pids.web], "it was found, and nothing of it has changed"
    assert module.MAX_BUSY_FDS < module.MAX_FDS
