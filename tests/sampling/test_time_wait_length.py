"""A sample follows the configured length of TIME_WAIT, and what entries show of it."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitLengths, same_length
from tcp_pressure_exporter.sampling.parts.part import Memory, Reading
from tcp_pressure_exporter.sources.procfs.settings import ProcSettings
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs
from tests.support.fakes.tallies import EMPTY, bound_tally
from tests.support.labs.lab import EVERYTHING
from tests.support.sampled import Namespace


class Showing:
    """Sockets whose entries in TIME_WAIT show that much left; notes by which lengths they count."""

    def __init__(self, left_ms: int) -> None:
        self.left_ms = left_ms
        self.counted_by: list[TimeWaitLengths] = []

    def bound_sockets(self, rules: BoundRules) -> BoundTally:  # noqa: ARG002 - the protocol's
        return bound_tally()

    def tally(self, rules: TallyRules) -> SocketTally:
        self.counted_by.append(rules.reuse.lengths)
        return replace(EMPTY, longest_left_ms=self.left_ms)

    def close(self) -> None:
        pass


def looked(
    procfs: Path, left_ms: int, memory: Memory, now: float
) -> tuple[float, Sequence[TimeWaitLengths]]:
    """Return the hold in force after a look, and the lengths it counted by."""
    sockets = Showing(left_ms)
    sources = replace(
        Namespace().sources, settings=ProcSettings(procfs, lambda: 0.004), sockets=sockets
    )
    reading = Reading(sources, memory, lambda: now, EVERYTHING)
    reading.tally.get()
    return reading.rules.get().reuse.hold, sockets.counted_by


@pytest.mark.parametrize(("setting", "hold"), [(15, 15.256), (300, 316.384)])
def test_setting(tmp_path: Path, setting: int, hold: float) -> None:
    """Counting follows net.ipv4.tcp_tw_timeout and its changes."""
    procfs, memory = FakeProcfs(tmp_path), Memory()
    assert looked(tmp_path, 60_000, memory, 0.0)[1] == [same_length(60_000)]
    procfs.write(f"{IPV4}/tcp_tw_timeout", f"{setting}\n")
    both = TimeWaitLengths(*sorted((60_000, 1000 * setting)))
    assert looked(tmp_path, 55_000, memory, 5.0)[1] == [both]
    found, counted_by = looked(tmp_path, 1000 * setting, memory, 70.0)
    assert found == pytest.approx(hold)
    assert counted_by == [same_length(1000 * setting)]


def test_entries_show_more(tmp_path: Path) -> None:
    """A dump that shows more than the setting is repeated with the length that it showed."""
    FakeProcfs(tmp_path)
    memory = Memory()
    hold, counted_by = looked(tmp_path, 299_996, memory, 0.0)
    assert counted_by == [same_length(60_000), TimeWaitLengths(60_000, 300_000)]
    assert hold == pytest.approx(316.384)
    assert looked(tmp_path, 299_996, memory, 5.0)[1][-1] == same_length(300_000)
    assert looked(tmp_path, 299_996, memory, 10.0)[1] == [same_length(300_000)]
