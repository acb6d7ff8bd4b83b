"""Finding network namespaces, and opening the one that was found."""

import os
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.netns.discovery import (
    FoundNamespace,
    find_namespaces,
    open_namespace,
    read_cgroup,
)
from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.labs.own_process import descriptors


def find(others: OtherNamespaces) -> list[FoundNamespace]:
    return find_namespaces(others.procfs, others.names)


def test_none(others: OtherNamespaces) -> None:
    """If there is only our own namespace, none is found, even without /run/netns."""
    others.show(os.getpid())
    assert find(others) == []
    assert find_namespaces(others.procfs, others.names / "none") == []


def test_name(others: OtherNamespaces) -> None:
    """A namespace with a name is found by it, with its inode; nothing else is in it."""
    blue = others.name("blue")
    assert find(others) == [FoundNamespace(blue.inode, f"{others.names}/blue", "blue", None)]


def test_process(others: OtherNamespaces) -> None:
    """A namespace without a name is found by a process that is in it."""
    made = others.run()
    assert made.process is not None
    pid = made.process.pid
    assert find(others) == [FoundNamespace(made.inode, f"{others.procfs}/{pid}/ns/net", "", pid)]


def test_each_once(others: OtherNamespaces) -> None:
    """A namespace with names and processes is found once: the first name, the first process."""
    made = others.run()
    assert made.process is not None
    for name in ("b", "a"):
        (others.names / name).symlink_to(f"/proc/{made.process.pid}/ns/net")
    [found] = find(others)
    assert found == (made.inode, f"{others.names}/a", "a", made.process.pid)


def test_own_has_a_name_too(others: OtherNamespaces) -> None:
    """Our own namespace is not among them, whatever its name (`ip netns attach`)."""
    (others.names / "host").symlink_to("/proc/self/ns/net")
    assert find(others) == []


def test_names_without_namespace(others: OtherNamespaces) -> None:
    """Only namespaces are listed: no file without its mount, no broken link, no directory."""
    (others.names / "stale").touch()
    (others.names / "broken").symlink_to("/nonexistent")
    (others.names / "directory").mkdir()
    os.mkfifo(others.names / "pipe")
    assert find(others) == []


def test_any_name(others: OtherNamespaces) -> None:
    """A name may be any bytes; the namespace is found and can be opened."""
    name = os.fsdecode(b'\xff\n"}\x1b ')
    made = others.name(name)
    [found] = find(others)
    assert (found.inode, found.name) == (made.inode, name)
    descriptor = open_namespace(found)
    assert descriptor is not None
    os.close(descriptor)


def test_process_that_has_ended(others: OtherNamespaces) -> None:
    """A process that ends between listing and looking is left out."""
    made = others.run()
    assert made.process is not None
    made.process.kill()
    made.process.wait()
    assert find(others) == []


def test_zombie(others: OtherNamespaces) -> None:
    """A process that has ended but was not waited for is in no namespace any more."""
    made = others.run()
    assert made.process is not None
    made.process.kill()
    os.waitid(os.P_PID, made.process.pid, os.WEXITED | os.WNOWAIT)
    assert find(others) == []


def test_process_that_cannot_be_read(others: OtherNamespaces) -> None:
    """Anything but a namespace's link, where one should be, is left out."""
    (others.procfs / "77" / "ns").mkdir(parents=True)
    (others.procfs / "77" / "ns" / "net").symlink_to("mnt:[4026531832]")
    (others.procfs / "78" / "ns").mkdir(parents=True)
    (others.procfs / "78" / "ns" / "net").touch()
    assert find(others) == []


def test_no_procfs(tmp_path: Path) -> None:
    """Without /proc nothing is known: a SourceError."""
    with pytest.raises(SourceError, match=r"^network namespaces: No such file or directory$"):
        find_namespaces(tmp_path / "none", tmp_path)


def test_open(others: OtherNamespaces) -> None:
    """The descriptor is that of the namespace, and is not passed on to other programs."""
    made = others.name("blue")
    descriptor = open_namespace(find(others)[0])
    assert descriptor is not None
    try:
        assert os.fstat(descriptor).st_ino == made.inode
        assert not os.get_inheritable(descriptor)
    finally:
        os.close(descriptor)


def test_open_what_is_gone(others: OtherNamespaces) -> None:
    """A name or a process that has gone is not an error: the namespace no longer exists."""
    others.name("blue")
    made = others.run()
    found = find(others)
    others.forget("blue")
    others.end(made)
    assert [open_namespace(one) for one in found] == [None, None]


def test_open_what_has_become_another(others: OtherNamespaces) -> None:
    """A name now given to another namespace does not open the wrong one."""
    others.name("blue")
    [found] = find(others)
    others.rename("blue", "green")  # it lives on, so that its inode is not given to another
    others.name("blue")
    before = descriptors()
    assert open_namespace(found) is None
    assert descriptors() == before


def test_open_a_pipe(others: OtherNamespaces) -> None:
    """A pipe that has taken the place of a name does not block."""
    os.mkfifo(others.names / "pipe")
    assert open_namespace(FoundNamespace(1, f"{others.names}/pipe", "pipe", None)) is None


def test_open_without_the_right(others: OtherNamespaces) -> None:
    """What cannot be opened for another reason is a SourceError with that reason."""
    path = others.names / "loop"
    path.symlink_to(path)
    with pytest.raises(SourceError, match="Too many levels of symbolic links"):
        open_namespace(FoundNamespace(1, str(path), "loop", None))


def test_cgroup(others: OtherNamespaces) -> None:
    """The cgroup of a process is the kernel's text; of one that has ended there is none."""
    expected = (others.procfs / "self" / "cgroup").read_text()
    others.show(os.getpid())
    assert read_cgroup(others.procfs, os.getpid()) == expected
    assert read_cgroup(others.procfs, 2**22 + 1) == ""


def test_cgroup_that_is_not_ascii(tmp_path: Path) -> None:
    """A cgroup with a strange name gives nothing."""
    (tmp_path / "7").mkdir()
    (tmp_path / "7" / "cgroup").write_bytes(b"0::/\xff\n")
    assert read_cgroup(tmp_path, 7) == ""
