from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, PoolTally, RowRules
from tcp_pressure_exporter.sources.conntrack.table import NOTHING, ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import Parser, best_parser
from tcp_pressure_exporter.sources.netlink.socket import Dump
from tests.sources.counting.counting import key
from tests.sources.counting.recordings import RECORDED
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.fakes.tallies import counts
from tests.support.labs.conntrack_entry import track_connection

PROC = Path("/proc")
FILES = Path("/proc/self/fd")
COUNT = "sys/net/netfilter/nf_conntrack_count"
FILE = "thread-self/net/nf_conntrack"
RELEASE = "sys/kernel/osrelease"
EVERY_POOL = RowRules()
SERVER = ("203.0.113.9", 443)
POOL = key("198.51.100.1", "203.0.113.9", 443)
RECORDED_POOL = key("198.51.100.1", "198.51.100.10", 9000)


def text_table(root: Path) -> ConntrackTable:
    """Return a table that reads the text file of a tree."""
    return ConntrackTable(root, best_parser(), by_netlink=False)


@pytest.fixture
def recorded(tmp_path: Path) -> FakeProcfs:
    """Make a /proc with the recorded connections."""
    procfs = FakeProcfs(tmp_path)
    procfs.write(COUNT, "47\n")
    procfs.write(FILE, (RECORDED / "nf_conntrack.txt").read_bytes())
    return procfs


@pytest.fixture
def netlink_table(netns: None) -> Iterator[ConntrackTable]:  # noqa: ARG001 - entries of its own
    table = ConntrackTable(PROC, best_parser(), by_netlink=True)
    yield table
    table.close()


@pytest.mark.parametrize(
    ("release", "reclaimable"),
    [("6.18.44", 8), ("6.5.0-rc1", 8), ("6.4.16", 0), ("6.1.0-18-amd64", 0), ("5.15", 0)],
)
def test_text(recorded: FakeProcfs, release: str, reclaimable: int) -> None:
    """The text gives the pools; only since Linux 6.5 a closed connection's port is reclaimable."""
    recorded.write(RELEASE, f"{release}\n")
    pools = counts(text_table(recorded.root).translated(EVERY_POOL))
    assert pools[RECORDED_POOL] == (25, 6, reclaimable)


def test_unknown_release(recorded: FakeProcfs) -> None:
    """If the kernel's release is not known, no port is taken for reclaimable."""
    assert counts(text_table(recorded.root).translated(EVERY_POOL))[RECORDED_POOL] == (25, 6, 0)


def test_rows(recorded: FakeProcfs) -> None:
    """The rules say which pools have rows."""
    assert set(text_table(recorded.root).translated(RowRules(max_rows=1)).rows) == {RECORDED_POOL}


@pytest.mark.parametrize("count", [None, "0\n"])
def test_nothing_tracked(recorded: FakeProcfs, count: str | None) -> None:
    """If nothing is tracked, nothing is read."""
    recorded.make_unreadable(FILE)
    recorded.remove(COUNT)
    if count:
        recorded.write(COUNT, count)
    assert text_table(recorded.root).translated(EVERY_POOL) == NOTHING


def test_bad_count(recorded: FakeProcfs) -> None:
    """An invalid number of entries is a SourceError."""
    recorded.write(COUNT, "many\n")
    with pytest.raises(
        SourceError, match=r"^net\.netfilter\.nf_conntrack_count: expected a number"
    ):
        text_table(recorded.root).translated(EVERY_POOL)


def test_netlink(netlink_table: ConntrackTable) -> None:
    """By netlink the kernel's own entries count; none before there is one."""
    assert netlink_table.translated(EVERY_POOL) == NOTHING
    track_connection(("10.0.0.7", 50000), SERVER, ("198.51.100.1", 40000))
    assert counts(netlink_table.translated(EVERY_POOL)) == {POOL: (1, 0, 0)}


def test_netlink_of_an_older_kernel(tmp_path: Path, netlink_table: ConntrackTable) -> None:
    """By netlink too the release decides whether a closed connection is reclaimable."""
    procfs = FakeProcfs(tmp_path)
    procfs.write(COUNT, "1\n")
    procfs.write(RELEASE, "6.1.0-18-amd64\n")
    track_connection(("10.0.0.7", 50000), SERVER, ("198.51.100.1", 40000), state=7)
    assert counts(netlink_table.translated(EVERY_POOL)) == {POOL: (1, 1, 1)}  # this kernel is newer
    older = ConntrackTable(tmp_path, best_parser(), by_netlink=True)
    try:
        assert counts(older.translated(EVERY_POOL)) == {POOL: (1, 1, 0)}
    finally:
        older.close()


OUTSIDE = "198.51.100.1"


class CountingParser:
    """A parser that notes which connections it was asked to count, and lets time pass."""

    def __init__(self, clock: FakeClock, seconds: float) -> None:
        self.asked: list[bool] = []
        self._clock = clock
        self._seconds = seconds
        self._best = best_parser()

    def tally_nat(self, dump: Dump, rules: NatRules) -> PoolTally:
        self.asked.append(rules.translated)
        self._clock.now += 0.0 if rules.translated else self._seconds
        return self._best.tally_nat(dump, rules)

    def as_parser(self) -> Parser:
        return replace(self._best, tally_nat=self.tally_nat)


def test_others_hold_ports(netlink_table: ConntrackTable) -> None:
    """The gateway's own connections count in a pool that a translated one makes; alone in none."""
    track_connection((OUTSIDE, 41_000), SERVER)
    assert counts(netlink_table.translated(EVERY_POOL)) == {}
    track_connection(("10.0.0.7", 50_000), SERVER, (OUTSIDE, 40_000))
    assert counts(netlink_table.translated(EVERY_POOL)) == {POOL: (2, 0, 0)}


def test_others_are_not_ended(netlink_table: ConntrackTable) -> None:
    """One in TIME_WAIT whose source was not translated is not reclaimable: nf_nat_may_kill."""
    track_connection(("10.0.0.7", 50_000), SERVER, (OUTSIDE, 40_000), state=7)
    track_connection((OUTSIDE, 41_000), SERVER, state=7)
    assert counts(netlink_table.translated(EVERY_POOL)) == {POOL: (2, 2, 1)}


def test_others_make_a_row(netlink_table: ConntrackTable) -> None:
    """A pool whose ports the gateway itself holds has a row in every sample."""
    track_connection(("10.0.0.7", 50_000), SERVER, (OUTSIDE, 40_000))
    for port in range(41_000, 41_009):
        track_connection((OUTSIDE, port), SERVER)
    for _sample in range(3):
        rows = netlink_table.translated(RowRules(min_used=5)).rows
        assert {pool: count.ports for pool, count in rows.items()} == {POOL: 10}


@pytest.mark.usefixtures("netns")
def test_pace() -> None:
    """The others are counted within a share of one CPU; in between, the last number is added."""
    clock = FakeClock()
    parser = CountingParser(clock, seconds=0.1)  # at 0.5 % of a CPU: every 20 s
    table = ConntrackTable(PROC, parser.as_parser(), by_netlink=True, clock=clock)
    track_connection((OUTSIDE, 41_000), SERVER)
    table.translated(EVERY_POOL)
    assert parser.asked == [True]  # there is no pool whose ports they could hold
    track_connection(("10.0.0.7", 50_000), SERVER, (OUTSIDE, 40_000))
    assert counts(table.translated(EVERY_POOL)) == {POOL: (2, 0, 0)}
    track_connection((OUTSIDE, 41_001), SERVER)
    clock.now += 19.0
    assert counts(table.translated(EVERY_POOL)) == {POOL: (2, 0, 0)}
    assert parser.asked == [True, True, False, True]
    clock.now += 1.0
    assert counts(table.translated(EVERY_POOL)) == {POOL: (3, 0, 0)}
    assert parser.asked[4:] == [True, False]
    table.close()


def test_no_socket_before_it_is_needed(tmp_path: Path) -> None:
    """If nothing is tracked, the kernel is not asked, which might load a module."""
    table = ConntrackTable(FakeProcfs(tmp_path).root, best_parser(), by_netlink=True)
    before = set(FILES.iterdir())
    assert table.translated(EVERY_POOL) == NOTHING
    assert set(FILES.iterdir()) == before
    table.close()


def test_check(recorded: FakeProcfs) -> None:
    """Permission to ask or read is enough; without it, the reason names the capability."""
    table = text_table(recorded.root)
    assert table.missing() is None
    recorded.make_unreadable(FILE)
    reason = table.missing()
    assert reason == "needs CAP_NET_ADMIN, or CAP_DAC_READ_SEARCH to read /proc/net/nf_conntrack"
    assert ConntrackTable(recorded.root, best_parser(), by_netlink=True).missing() is None
    recorded.remove(FILE)
    assert table.missing() is None
