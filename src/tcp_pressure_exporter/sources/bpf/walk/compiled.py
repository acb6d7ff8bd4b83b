"""The compiled decoder of a walk, built with its counter: _tally.c calls the units of this folder.

Raises ImportError if the extension was not built; the readable decoder then replaces it.
"""

from collections.abc import Collection, Sequence

from tcp_pressure_exporter.facts.tally import BPF, SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk.elsewhere import packed_inodes
from tcp_pressure_exporter.sources.bpf.walk.found import Found
from tcp_pressure_exporter.sources.bpf.walk.table import ConnectionTable
from tcp_pressure_exporter.sources.counting import _tally
from tcp_pressure_exporter.sources.counting.compiled import NO_SECONDS, call_counter, count_sockets


def tally_found(
    all_found: Sequence[Found], hz: int, rules: TallyRules, started_ms: int
) -> SocketTally:
    """Count the connections of a walk, like readable.tally_found."""
    asked = ((hz, all_found), 0, (*NO_SECONDS, started_ms))
    return count_sockets(_tally.tally_found, asked, rules, BPF)


def collect(table: ConnectionTable, inodes: Collection[int]) -> dict[int, list[Found]]:
    """Return what a walk finds in some namespaces, like elsewhere.collect but without the GIL."""
    with table.failures():
        collected = call_counter(_tally.collect_connections, table.walker, packed_inodes(inodes))
    return {inode: [Found(*part) for part in parts] for inode, parts in collected}


def tally_table(table: ConnectionTable, rules: TallyRules) -> SocketTally:
    """Walk the table of the calling thread's network namespace and count it without the GIL.

    Raises SourceError.
    """
    asked = (table.walker, 0, (*NO_SECONDS, table.ticks_ms()))
    with table.failures():
        return count_sockets(_tally.tally_connections, asked, rules, BPF)
