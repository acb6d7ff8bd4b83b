"""What goes wrong in one network namespace stays there; real namespaces, faults put in between."""

import ctypes
import errno
from collections.abc import Callable
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sample.namespaces import Census, Elsewhere, NamespaceChoice
from tcp_pressure_exporter.sample.sample import NamespaceSample, not_reached
from tcp_pressure_exporter.sampling import namespaces as namespace_samplers
from tcp_pressure_exporter.sampling.sampler import NamespaceSampler
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.netns.discovery import FoundNamespace, find_namespaces
from tcp_pressure_exporter.sources.netns.switch import AwayError
from tcp_pressure_exporter.sources.procfs.resources import count_tcp_sockets
from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.labs.own_process import own_namespace
from tests.support.labs.watched_namespaces import Watch, watching

BUSY = 60


def logged(watch: Watch) -> list[tuple[str, str | None]]:
    return [(line["event"], line.get("reason")) for line in watch.logged.entries]


class Refusal:
    """Stands in for setns(2): it fails with EPERM for the kind of descriptor it refuses."""

    def __init__(self, watch: Watch, monkeypatch: pytest.MonkeyPatch) -> None:
        self._switch = watch.samplers._switch  # noqa: SLF001 - the edge of the kernel
        self._setns = self._switch._setns  # noqa: SLF001 - see above
        self._home = self._switch._home  # noqa: SLF001 - see above
        self.refuses: Callable[[bool], bool] = lambda _home: False
        monkeypatch.setattr(self._switch, "_setns", self.setns)

    def setns(self, descriptor: int, kind: int) -> int:
        if self.refuses(descriptor == self._home):
            ctypes.set_errno(errno.EPERM)
            return -1
        return int(self._setns(descriptor, kind))


def test_a_defect(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """An exception caused by one namespace is logged once, and costs only its own sample."""
    home, take = own_namespace(), NamespaceSampler.take

    def fail(self: NamespaceSampler, config: Config) -> NamespaceSample:
        if self._netns == "bad":
            raise ZeroDivisionError
        return take(self, config)

    monkeypatch.setattr(NamespaceSampler, "take", fail)
    for name in ("a", "bad", "c"):
        others.name(name, BUSY)
    with watching(others) as watch:
        samples, census = watch.take()
        assert samples.keys() == {"a", "c"}
        assert census == Census(sampled=2, unreadable=1)
        assert logged(watch) == [
            ("sampling failed unexpectedly", None),
            ("cannot read a network namespace", "sampling: failed unexpectedly"),
        ]
        assert watch.logged.entries[0]["netns"] == "bad"
        watch.take()
        assert len(watch.logged.entries) == 2, "the same is not said again"
        monkeypatch.undo()
        assert watch.census() == Census(sampled=3)
    assert own_namespace() == home


def test_refused(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """If the kernel denies entry, the exporter's own sample stays, and one line says why."""
    others.name("a", BUSY)
    others.name("b", BUSY)
    with watching(others) as watch:
        kernel = Refusal(watch, monkeypatch)
        assert watch.census() == Census(sampled=2)
        kernel.refuses = lambda home: not home
        for _ in range(3):
            assert watch.take() == ({}, Census(unreadable=2))
        reason = "network namespaces: setns(): Operation not permitted"
        assert logged(watch) == [("cannot read a network namespace", reason)]
        kernel.refuses = lambda _home: False
        assert watch.census() == Census(sampled=2)


def test_no_way_back(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Away from home nothing is read, not even about our own namespace, until it is back."""
    home, take, taken = own_namespace(), NamespaceSampler.take, []

    def count(self: NamespaceSampler, config: Config) -> NamespaceSample:
        taken.append((self._netns, own_namespace()))
        return take(self, config)

    monkeypatch.setattr(NamespaceSampler, "take", count)
    made = others.name("blue", BUSY)
    with watching(others) as watch:
        kernel = Refusal(watch, monkeypatch)
        kernel.refuses = lambda home: home and own_namespace() == f"net:[{made.inode}]"
        for _ in range(2):
            with pytest.raises(AwayError, match="Operation not permitted"):
                watch.take()
        assert own_namespace() != home
        assert not taken
        kernel.refuses = lambda _home: False
        assert watch.census() == Census(sampled=1)
    assert taken == [("host", home), ("blue", f"net:[{made.inode}]")]
    assert own_namespace() == home


def find_once(monkeypatch: pytest.MonkeyPatch, found: list[FoundNamespace] | SourceError) -> None:
    """Make the search find the given namespaces."""

    def find(_procfs: Path, _names: Path) -> list[FoundNamespace]:
        if isinstance(found, SourceError):
            raise found
        return found

    monkeypatch.setattr(namespace_samplers, "find_namespaces", find)


def test_nothing_can_be_found(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """If namespaces cannot be searched, the exporter's own sample stays and the rest is absent."""
    others.name("blue", BUSY)
    with watching(others) as watch:
        watch.take()
        find_once(monkeypatch, SourceError("network namespaces", "Too many open files"))
        for _ in range(2):
            taken = watch.samplers.take(Config())
            assert [own.netns for own in taken.namespaces] == ["host"]
            assert (taken.census, taken.elsewhere) == (None, None)
            assert taken.left_out == (("netns", "network namespaces: Too many open files"),)
        expected = "network namespaces: Too many open files"
        assert [reason for _event, reason in logged(watch)] == [expected]
        monkeypatch.undo()
        assert watch.labels() == ["blue"]


def test_vanished_half_way(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """A namespace that vanishes during a sample is not an error, and disturbs no other."""
    others.name("blue", BUSY)
    others.name("gone", BUSY)
    ended = others.run(sockets=BUSY)
    stays = others.run(sockets=BUSY)
    found = find_namespaces(others.procfs, others.names)
    assert len(found) == 4
    others.forget("gone")
    others.end(ended)
    find_once(monkeypatch, found)
    with watching(others) as watch:
        samples, census = watch.take()
        assert samples.keys() == {"blue", f"ns:{stays.inode}"}
        assert census == Census(sampled=2)
        assert logged(watch) == []


def test_vanished_after_the_look(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same holds if it vanishes between the count of its sockets and the sample."""
    ended = others.run(sockets=BUSY)
    assert ended.process is not None

    def count_and_end(procfs: Path, process: str = "thread-self") -> int | None:
        counted = count_tcp_sockets(procfs, process)
        others.end(ended)
        return counted

    monkeypatch.setattr(namespace_samplers, "count_tcp_sockets", count_and_end)
    with watching(others) as watch:
        assert watch.take() == ({}, Census())
        assert logged(watch) == []


def test_process_ends_half_way(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """A sampled one stays, whatever happens to the process by which it was found."""
    made = others.run(sockets=BUSY)
    assert made.process is not None
    with watching(others) as watch:
        label = f"ns:{made.inode}"
        assert watch.labels() == [label]
        find_once(monkeypatch, find_namespaces(others.procfs, others.names))
        made.process.kill()
        made.process.wait()
        assert watch.labels() == [label]
        monkeypatch.undo()
        assert watch.take() == ({}, Census()), "with its last process it is gone"


def test_name_goes_and_namespace_stays(others: OtherNamespaces) -> None:
    """A namespace keeps its label while it is sampled, even if its name is removed."""
    made = others.run(sockets=BUSY)
    assert made.process is not None
    (others.names / "blue").symlink_to(f"/proc/{made.process.pid}/ns/net")
    with watching(others) as watch:
        assert watch.labels() == ["blue"]
        (others.names / "blue").unlink()
        assert watch.labels() == ["blue"]


def test_too_many(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only a limited number are looked at, sampled ones first; the rest are reported."""
    monkeypatch.setattr(namespace_samplers, "MAX_LOOKS", 2)
    others.name("z", BUSY)
    with watching(others, NamespaceChoice(most=5)) as watch:
        assert watch.labels() == ["z"]
        for name in ("a", "b", "c"):
            others.name(name, BUSY + 10)
        samples, census = watch.take()
        assert list(samples) == ["a", "z"]
        assert census == Census(sampled=2)
        taken = watch.samplers.take(Config())
        assert taken.elsewhere == Elsewhere(2)
        assert not_reached(taken) == (("other network namespaces", "2 not looked at"),)
