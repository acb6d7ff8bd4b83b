from collections.abc import Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import RowRules
from tcp_pressure_exporter.sources.conntrack.table import NOTHING, ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tests.sources.counting.counting import key
from tests.sources.counting.recordings import RECORDED
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
    """Where the kernel's release is not known, no port is taken for reclaimable."""
    assert counts(text_table(recorded.root).translated(EVERY_POOL))[RECORDED_POOL] == (25, 6, 0)


def test_rows(recorded: FakeProcfs) -> None:
    """The rules say which pools have rows."""
    assert set(text_table(recorded.root).translated(RowRules(max_rows=1)).rows) == {RECORDED_POOL}


@pytest.mark.parametrize("count", [None, "0\n"])
def test_nothing_tracked(recorded: FakeProcfs, count: str | None) -> None:
    """Where nothing is tracked nothing is read."""
    recorded.make_unreadable(FILE)
    recorded.remove(COUNT)
    if count:
        recorded.write(COUNT, count)
    assert text_table(recorded.root).translated(EVERY_POOL) == NOTHING


def test_bad_count(recorded: FakeProcfs) -> None:
    """A number of entries that is none is a SourceError."""
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


def test_no_socket_before_it_is_needed(tmp_path: Path) -> None:
    """Where nothing is tracked the kernel is not asked, which might load a module."""
    table = ConntrackTable(FakeProcfs(tmp_path).root, best_parser(), by_netlink=True)
    before = set(FILES.iterdir())
    assert table.translated(EVERY_POOL) == NOTHING
    assert set(FILES.iterdir()) == before
    table.close()


def test_check(recorded: FakeProcfs) -> None:
    """Who may ask, or read, lacks nothing; who may not is told which capability it takes."""
    table = text_table(recorded.root)
    assert table.missing() is None
    recorded.make_unreadable(FILE)
    reason = table.missing()
    assert reason == "needs CAP_NET_ADMIN, or CAP_DAC_READ_SEARCH to read /proc/net/nf_conntrack"
    assert ConntrackTable(recorded.root, best_parser(), by_netlink=True).missing() is None
    recorded.remove(FILE)
    assert table.missing() is None
