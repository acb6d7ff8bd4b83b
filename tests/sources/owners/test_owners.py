import subprocess
import sys
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.sockets import Owner, SocketId
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import Search, find_processes
from tests.support.labs.cgroup_tree import CgroupTree, cgroup_tree, socket_holder
from tests.support.sampled import Namespace

# Looks up the owner of the given socket, with everything imported before: user nobody may not be
# able to read the checkout.
AS_NOBODY = """
import os, sys
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import find_processes
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
socket = SocketId(*map(int, sys.argv[1:]))
owners = Owners(Cgroups(), find_processes)
owners.look_up([socket])
print(tuple(owners.owner(socket)))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[CgroupTree]:
    """Make a real cgroup for the test."""
    with cgroup_tree(tmp_path) as tree:
        yield tree


@pytest.mark.usefixtures("netns")
def test_real_socket(tree: CgroupTree) -> None:
    """The kernel's dump leads from a real socket to its unit and its process."""
    cgroup_id = tree.make("web.service")
    with socket_holder(tree.root / "web.service") as holder:
        namespace = Namespace()
        (socket,) = namespace.bound_sockets()
        namespace.close()
        assert socket.owner_id == SocketId(holder.inode, cgroup_id)
        owners = Owners(Cgroups(), find_processes)
        assert owners.owner(socket.owner_id) == Owner("web.service", "")
        owners.look_up([socket.owner_id])
        assert owners.owner(socket.owner_id) == Owner("web.service", "web-server")


def test_as_nobody(tree: CgroupTree) -> None:
    """Without privileges the service of root's socket is known, and its process is not."""
    cgroup_id = tree.make("web.service")
    with socket_holder(tree.root / "web.service") as holder:
        command = [sys.executable, "-c", AS_NOBODY, str(holder.inode), str(cgroup_id)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == "('web.service', '')\n"


def test_not_permitted(tree: CgroupTree) -> None:
    """If process names are not permitted, the service is known all the same."""
    socket = SocketId(5, tree.make("web.service"))
    owners = Owners(Cgroups(tree.procfs), None)
    owners.look_up([socket])
    assert owners.owner(socket) == Owner("web.service", "")


def test_unknown_socket(tmp_path: Path) -> None:
    """An unknown socket has an owner without names."""
    owners = Owners(Cgroups(tmp_path / "nowhere"), find_processes)
    assert owners.owner(SocketId(5, None)) == Owner("", "")
    assert owners.owner(SocketId(0, 12345)) == Owner("", "")


def test_likely_processes(tree: CgroupTree) -> None:
    """The processes of the sockets' cgroups are looked at first."""
    cgroup_id, empty = tree.make("web.service"), tree.make("empty.service")
    likely: list[int] = []

    def find(_inodes: Collection[int], first: Iterable[int], *, busy_alone: bool) -> Search:
        assert not busy_alone
        likely.extend(first)
        return Search({})

    with socket_holder(tree.root / "web.service") as holder:
        ids = (cgroup_id, empty, None, 2**40)
        sockets = [SocketId(inode, id_) for inode, id_ in enumerate(ids, start=5)]
        Owners(Cgroups(tree.procfs), find).look_up(sockets)
        assert likely == [holder.pid]


def test_bytes_that_are_not_utf8(tree: CgroupTree) -> None:
    """Bytes that are not UTF-8 are replaced, so that any page can carry the names."""
    (tree.root / "bad\udcff.service").mkdir()
    cgroup_id = (tree.root / "bad\udcff.service").stat().st_ino
    socket = SocketId(5, cgroup_id)

    def find(_sought: Collection[int], _first: Iterable[int], *, busy_alone: bool) -> Search:
        assert not busy_alone
        return Search({5: "worker\udcfe"})

    owners = Owners(Cgroups(tree.procfs), find)
    owners.look_up([socket])
    assert owners.owner(socket) == Owner("bad\ufffd.service", "worker\ufffd")
