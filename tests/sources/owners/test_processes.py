import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.sources.owners.processes import find_processes
from tests.support.labs.cgroup_tree import CgroupTree, cgroup_tree, socket_holder

# Looks up the given inode and one of its own, as user nobody, with everything imported before:
# nobody may not be able to read the checkout.
AS_NOBODY = """
import os, socket, sys
from tcp_pressure_exporter.sources.owners.processes import find_processes
with open("/proc/self/comm", "w") as name:
    name.write("nobodys")
os.setgroups([])
os.setresgid(65534, 65534, 65534)
os.setresuid(65534, 65534, 65534)
with socket.socket() as own:
    inode = os.fstat(own.fileno()).st_ino
    found = find_processes({inode, int(sys.argv[1])}).names
    print(found.pop(inode), found)
"""


@pytest.fixture
def tree(tmp_path: Path) -> Iterator[CgroupTree]:
    """Make a real cgroup for the test."""
    with cgroup_tree(tmp_path) as tree:
        yield tree


def test_real_sockets(tree: CgroupTree) -> None:
    """A socket of another process and one of this one are found among those of all processes."""
    with socket_holder(tree.root) as holder, socket.socket() as own:
        here = os.fstat(own.fileno()).st_ino
        found = find_processes([holder.inode, here, 2**32 - 1]).names
    own_name = Path("/proc/self/comm").read_text().removesuffix("\n")
    assert found == {holder.inode: "web-server", here: own_name}


def test_as_nobody(tree: CgroupTree) -> None:
    """Without privileges only the process's own sockets are found, and nothing fails."""
    with socket_holder(tree.root) as holder:
        command = [sys.executable, "-c", AS_NOBODY, str(holder.inode)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True)
    assert answer.stdout == "nobodys {}\n"


def test_long_name(tmp_path: Path) -> None:
    """A name longer than the kernel's 15 characters is whole, up to 63 characters."""
    program = tmp_path / ("long-name-" * 8)
    program.symlink_to("/bin/cat")
    with socket.socket() as sock:
        inode = os.fstat(sock.fileno()).st_ino
        with subprocess.Popen(
            [program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, pass_fds=[sock.fileno()]
        ) as process:
            sock.close()
            assert process.stdin is not None
            assert process.stdout is not None
            # Once it is running, it has its arguments: exec reports success before it sets them.
            process.stdin.write(b"\n")
            process.stdin.flush()
            process.stdout.readline()
            found = find_processes([inode], [process.pid]).names
            process.kill()
    assert found == {inode: ("long-name-" * 8)[:63]}
