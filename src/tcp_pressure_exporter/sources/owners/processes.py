"""Which process has a socket open: the links in /proc/PID/fd, as `ss -p` and `lsof` read them."""

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain, islice, tee
from pathlib import Path
from typing import NamedTuple

import psutil

from tcp_pressure_exporter.sources.owners.busy import BusyProcesses

MAX_FDS = 262_144  # links; about 4 µs each
MAX_BUSY_FDS = 4_096  # links when only busy processes are searched
SOCKET = "socket:["
MAX_NAME = 63  # characters
INIT = 1


class Search(NamedTuple):
    """The names of processes by a socket's inode; complete: whether it did not stop at MAX_FDS.

    pids: the ids of these processes, likewise.
    """

    names: dict[int, str]
    complete: bool = True
    pids: Mapping[int, int] = {}


def find_processes(
    inodes: Collection[int],
    first: Iterable[int] = (),
    procfs: Path = Path("/proc"),
    busy: BusyProcesses | None = None,
    *,
    busy_alone: bool = False,
) -> Search:
    """Return the name of a process for the inode of each socket for which one was found.

    inodes: as in inet_diag; one number space for all network namespaces. first: processes to look
    at before all others. busy: those to look at even before these, kept from search to search;
    busy_alone: look at no others, as that takes too long for a short connection; without inodes,
    only note what they have now.
    The search ends with the last inode, or after MAX_FDS links.
    Names are not escaped, and cut to 63 characters. Raises nothing: without CAP_SYS_PTRACE and
    CAP_DAC_READ_SEARCH only processes of the same user are found.

    psutil finds the processes and their names. To find out which process has which socket, it would
    read all of /proc/net/tcp, which takes seconds with a million sockets.
    """
    if not inodes and not busy_alone:
        return Search({})
    wanted = {f"{SOCKET}{inode}]": inode for inode in inodes}
    busy = busy or BusyProcesses()
    holders = {wanted.pop(link): pid for link, pid in busy.links.items() if link in wanted}
    complete = True
    if busy_alone and (wanted or not inodes):
        links = _noted_links(procfs, busy.foremost(), busy)
        complete = _search(wanted, holders, links, MAX_BUSY_FDS)
    # Only a second pass tells whose sockets change; a later search compares with this one.
    passes = 0 if busy_alone else 2 if busy.new else 1
    for likely in tee(first, passes):
        if wanted:
            links = _noted_links(procfs, _processes(chain(busy.foremost(), likely)), busy)
            complete = _search(wanted, holders, links, MAX_FDS)
    names = {pid: _name(pid) for pid in set(holders.values())}
    busy.found(names.keys() - {INIT})
    named = {inode: names[pid] for inode, pid in holders.items() if names[pid]}
    return Search(named, complete, {inode: holders[inode] for inode in named})


def _search(
    wanted: dict[str, int], holders: dict[int, int], links: Iterator[tuple[int, str]], most: int
) -> bool:
    """Move what is found from the wanted links to the holders; read at most `most` links.

    Return whether it was complete: nothing is wanted any more, or no link is left.
    """
    for pid, link in islice(links, most):
        inode = wanted.pop(link, None)
        if inode is not None:
            holders[inode] = pid
            if not wanted:
                break
    # Another link, if there is one, tells that the search stopped at the limit.
    return not wanted or next(links, None) is None


def _processes(first: Iterable[int]) -> Iterator[int]:
    """Yield each process once, process 1 last.

    systemd keeps open the sockets that it passes to services: the service is the better answer.
    """
    seen = {INIT}
    for pid in first:
        if pid not in seen:
            seen.add(pid)
            yield pid
    yield from (pid for pid in psutil.pids() if pid not in seen)
    yield INIT


def _noted_links(
    procfs: Path, pids: Iterable[int], busy: BusyProcesses
) -> Iterator[tuple[int, str]]:
    """Yield each process with each of its links; note processes that were looked at to the end."""
    for pid in pids:
        mark = 0
        for link in _links(procfs, pid):
            if link.startswith(SOCKET):
                mark ^= hash(link)
                busy.saw(pid, link)
            yield pid, link
        if pid != INIT:
            busy.note(pid, mark)


def _links(procfs: Path, pid: int) -> Iterator[str]:
    """Yield the target of each descriptor of a process, "" if it was closed in the meantime."""
    try:
        with os.scandir(procfs / str(pid) / "fd") as descriptors:
            yield from (_read_link(descriptor.path) for descriptor in descriptors)
    except OSError:
        return  # the process has ended, or this user may not read it


def _read_link(path: str) -> str:
    try:
        return os.readlink(path)  # noqa: PTH115 - a Path each would double the time
    except OSError:
        return ""  # closed in the meantime, or not readable for this user


def _name(pid: int) -> str:
    try:
        return psutil.Process(pid).name()[:MAX_NAME]
    except psutil.Error:
        return ""  # it has ended since, and its sockets with it
