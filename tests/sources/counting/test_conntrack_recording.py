"""The recorded dump of conntrack against what `conntrack -L` printed (recorded/README.md)."""

from hypothesis import given

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, RowRules
from tcp_pressure_exporter.sources.conntrack.proc import tally_proc_conntrack
from tests.sources.counting.counting import key
from tests.sources.counting.faults import Fault, faults, with_fault
from tests.sources.counting.nat_counting import EVERY_POOL, tally_datagrams
from tests.sources.counting.recordings import (
    conntrack_lines,
    proc_conntrack_lines,
    recorded_datagrams,
)
from tests.support.fakes.tallies import counts
from tests.support.labs.conntrack_listing import listed_pools

POOLS = {
    # 12 live, 5 closed, 2 half closed, 2 reset; 3 live and 1 closed of the translated destination
    key("198.51.100.1", "198.51.100.10", 9000): (25, 6, 8),
    key("198.51.100.1", "198.51.100.11", 9000): (3, 0, 0),
    key("198.51.100.2", "198.51.100.11", 9000): (3, 0, 0),
    key("198.51.100.1", "203.0.113.9", 9000): (2, 0, 0),
    key("2001:db8:2::1", "2001:db8:2::10", 9000): (6, 2, 2),
}


def test_recording() -> None:
    """The recorded dump gives the pools that the scene made, and `conntrack` showed."""
    assert listed_pools(conntrack_lines()) == POOLS
    assert counts(tally_datagrams(recorded_datagrams("conntrack"))) == POOLS


def test_text_of_procfs() -> None:
    """The text from procfs gives the same."""
    assert counts(tally_proc_conntrack(proc_conntrack_lines(), EVERY_POOL)) == POOLS


FORWARDED = key("192.0.2.2", "198.51.100.12", 9000)  # 3 live and 1 closed, not translated


def test_others_of_an_older_kernel() -> None:
    """A kernel that ignores the filter sends all: a translated source does not count."""
    rules = NatRules(RowRules(watched=[FORWARDED, *POOLS]), evicts=False, translated=False)
    expected = {FORWARDED: (4, 1, 0)} | dict.fromkeys(POOLS, (0, 0, 0))
    assert counts(tally_datagrams(recorded_datagrams("conntrack"), rules)) == expected
    assert counts(tally_proc_conntrack(proc_conntrack_lines(), rules)) == expected


@given(faults("conntrack"))
def test_damaged_recording(fault: Fault) -> None:
    """A recorded dump with one fault gives at most its 43 connections, or a SourceError."""
    try:
        counted = tally_datagrams(with_fault("conntrack", fault))
    except SourceError:
        return
    assert sum(row.ports for row in counted.rows.values()) <= 43
