"""How many other network namespaces are not looked at, on real ones."""

import sys
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sample.namespaces import Elsewhere
from tcp_pressure_exporter.sample.sample import not_reached
from tcp_pressure_exporter.sampling import elsewhere as module
from tcp_pressure_exporter.sampling.elsewhere import (
    LONGEST_PAUSE,
    OwnNamespace,
    count_elsewhere,
)
from tcp_pressure_exporter.sampling.host import open_host
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tcp_pressure_exporter.sources.procfs.capabilities import CAP_SYS_ADMIN
from tests.support.fakes.fake_clock import FakeClock
from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.sampled import wishes


def count(others: OtherNamespaces) -> Elsewhere:
    found = count_elsewhere(others.procfs, others.names)
    assert found is not None
    return found


def test_none(others: OtherNamespaces) -> None:
    """If there are no others, nothing was missed."""
    assert count(others) == Elsewhere(0, complete=True)
    assert list(count(others).left_out()) == []


def test_those_with_sockets(others: OtherNamespaces) -> None:
    """One with a process and sockets counts, one known to have no socket does not."""
    others.run()
    assert count(others) == Elsewhere(0)
    others.run(sockets=1)
    others.run(sockets=3)
    assert count(others) == Elsewhere(2)
    assert list(count(others).left_out()) == [("other network namespaces", "2 not looked at")]


def test_without_a_process(others: OtherNamespaces) -> None:
    """One with a name but no process counts: its contents are not known."""
    others.name("blue")
    assert count(others) == Elsewhere(1)


def test_one_that_cannot_be_read(others: OtherNamespaces, monkeypatch: pytest.MonkeyPatch) -> None:
    """One whose sockets cannot be counted counts."""

    def refuse(_procfs: Path, _process: str) -> int:
        raise SourceError("/proc/net/sockstat", "Permission denied")

    others.run()
    monkeypatch.setattr(module, "count_tcp_sockets", refuse)
    assert count(others) == Elsewhere(1)


def test_without_the_right_to_see_them(others: OtherNamespaces) -> None:
    """Without CAP_SYS_PTRACE there may be more than are seen, so the number is not known."""
    others.name("blue")
    (others.procfs / "self").unlink()
    (others.procfs / "self").mkdir()
    (others.procfs / "self" / "status").write_text(f"CapEff:\t{1 << CAP_SYS_ADMIN:016x}\n")
    found = count(others)
    assert (found, found.number) == (Elsewhere(1, complete=False), None)
    assert list(found.left_out()) == [
        ("other network namespaces", "1 not looked at"),
        (
            "other network namespaces",
            "those of other users' processes are not visible without CAP_SYS_PTRACE",
        ),
    ]


def test_system_without_namespaces(tmp_path: Path) -> None:
    """If /proc shows no namespace, nothing is said about others."""
    assert count_elsewhere(tmp_path) is None


def test_now_and_then(others: OtherNamespaces) -> None:
    """Between two looks the number is that of the last one; it is renewed in five minutes."""
    clock = FakeClock()
    host = open_host(wishes("limits"), others.procfs, readable_parser(), sys.platform)
    own = OwnNamespace(host, others.procfs, others.names, clock)
    assert own.take(Config()).elsewhere == Elsewhere(0)
    others.run(sockets=1)
    clock.advance(LONGEST_PAUSE)
    taken = own.take(Config())
    assert taken.elsewhere == Elsewhere(1)
    assert not_reached(taken) == (("other network namespaces", "1 not looked at"),)
    assert len(taken.namespaces) == 1
    host.own.close()


def test_search_for_owners(others: OtherNamespaces) -> None:
    """Each sample says that the search for owners ended early, until it is made again."""
    host = open_host(wishes("limits"), others.procfs, readable_parser(), sys.platform)
    own = OwnNamespace(host, others.procfs, others.names)
    owners = host._others.owners  # noqa: SLF001 - a search of 262,144 links takes a second
    owners.stopped = True
    assert own.take(Config()).left_out == (
        ("process names", "the search for owners stopped after 262,144 descriptors"),
    )
    owners.stopped = False
    assert own.take(Config()).left_out == ()
    host.own.close()
