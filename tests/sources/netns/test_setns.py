"""Going to another network namespace and back, on one thread."""

import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.netns.switch import AwayError, NamespaceSwitch
from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.labs.own_process import descriptors, own_namespace

PROC = Path("/proc")


@pytest.fixture
def switch() -> Iterator[NamespaceSwitch]:
    """Make a switch at home, and be there at the end."""
    home = own_namespace()
    switch = NamespaceSwitch(PROC)
    try:
        yield switch
        assert own_namespace() == home
    finally:
        switch.go_home()
        switch.close()


@pytest.fixture
def blue(others: OtherNamespaces) -> Iterator[int]:
    """Open another namespace."""
    others.name("blue")
    descriptor = os.open(others.names / "blue", os.O_RDONLY)
    yield descriptor
    os.close(descriptor)


def test_there_and_back(switch: NamespaceSwitch, blue: int) -> None:
    """Inside, the thread is in the other namespace; after that it is at home."""
    home = own_namespace()
    with switch.entered(blue):
        assert own_namespace() == f"net:[{os.fstat(blue).st_ino}]"
        assert own_namespace() != home
    assert own_namespace() == home


def test_back_after_an_exception(switch: NamespaceSwitch, blue: int) -> None:
    """It comes back even after a failure there."""
    home = own_namespace()
    with pytest.raises(ZeroDivisionError), switch.entered(blue):
        raise ZeroDivisionError
    assert own_namespace() == home


def test_other_threads_stay(switch: NamespaceSwitch, blue: int) -> None:
    """Only the calling thread goes: another sees its own namespace meanwhile."""
    seen: list[str] = []
    inside, seen_it = threading.Event(), threading.Event()

    def look() -> None:
        inside.wait(10)
        seen.append(own_namespace())
        seen_it.set()

    home = own_namespace()
    thread = threading.Thread(target=look)
    thread.start()
    with switch.entered(blue):
        inside.set()
        assert seen_it.wait(10)
    thread.join()
    assert seen == [home]


def test_what_is_no_namespace(switch: NamespaceSwitch) -> None:
    """A descriptor of something else is a SourceError, and the block does not run."""
    home = own_namespace()
    descriptor = os.open("/dev/null", os.O_RDONLY)
    try:
        with (
            pytest.raises(SourceError, match=r"^network namespaces: setns\(\): Invalid argument$"),
            switch.entered(descriptor),
        ):
            raise AssertionError("it went on")
    finally:
        os.close(descriptor)
    assert own_namespace() == home


def test_another_kind_of_namespace(switch: NamespaceSwitch) -> None:
    """A namespace other than a network namespace is not entered."""
    with Path("/proc/self/ns/mnt").open() as file, pytest.raises(SourceError):  # noqa: SIM117 - order
        with switch.entered(file.fileno()):
            raise AssertionError("it went on")


def test_no_way_back(switch: NamespaceSwitch, blue: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """If it cannot come back, an AwayError says so, each time until it can."""
    home = own_namespace()
    other = os.open("/dev/null", os.O_RDONLY)
    with monkeypatch.context() as patch:
        with pytest.raises(AwayError, match="Invalid argument"), switch.entered(blue):
            patch.setattr(switch, "_home", other)
        with pytest.raises(AwayError):
            switch.go_home()
        assert own_namespace() != home
    os.close(other)
    switch.go_home()
    assert own_namespace() == home


def test_check(switch: NamespaceSwitch) -> None:
    """A thread that may switch passes the check, and stays where it is."""
    home = own_namespace()
    switch.check()
    assert own_namespace() == home


def test_no_procfs(tmp_path: Path) -> None:
    """Without /proc there is no way back, so no way out: a SourceError."""
    with pytest.raises(SourceError, match=r"^network namespaces: No such file"):
        NamespaceSwitch(tmp_path)


def test_close() -> None:
    """Closing leaves no descriptor."""
    before = descriptors()
    NamespaceSwitch(PROC).close()
    assert descriptors() == before
