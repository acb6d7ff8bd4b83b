"""What walks the kernel's tables of sockets, with the parser that this installation has."""

import time
from collections.abc import Callable
from functools import partial

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.questions import Missing, Sources
from tcp_pressure_exporter.facts.tally import BPF, SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk.elsewhere import Collect, Count, Elsewhere, collect
from tcp_pressure_exporter.sources.bpf.walk.listeners import ListenerTable
from tcp_pressure_exporter.sources.bpf.walk.sockets import WalkedSockets
from tcp_pressure_exporter.sources.bpf.walk.table import ConnectionTable
from tcp_pressure_exporter.sources.bpf.walk.tables import Tables
from tcp_pressure_exporter.sources.counting.parser import READABLE, Parser
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tcp_pressure_exporter.sources.procfs.resources import ProcNumbers


def walked_sockets(
    tables: Tables,
    parser: Parser,
    netlink: NetlinkSockets,
    numbers: ProcNumbers,
    clock: Callable[[], float] = time.monotonic,
) -> WalkedSockets:
    """Return the source of the sockets in the process's namespace: walks that netlink checks."""
    walk = counted_walk(tables.connections, parser)
    listening = partial(walked_listeners, tables.listeners, parser)
    return WalkedSockets(walk, listening, netlink, numbers.statistics, clock)


def counted_walk(
    connections: ConnectionTable, parser: Parser
) -> Callable[[TallyRules], SocketTally]:
    """Return what walks the table and counts it, compiled or not, like the parser of dumps."""
    # As in parser.py, the modules of the other parser are not imported.
    if parser.name == READABLE:
        from tcp_pressure_exporter.sources.bpf.walk import readable  # noqa: PLC0415 - see above

        return partial(readable.tally_table, connections)
    from tcp_pressure_exporter.sources.bpf.walk import compiled  # noqa: PLC0415 - see above

    return partial(compiled.tally_table, connections)


def walked_listeners(table: ListenerTable, parser: Parser, rules: BoundRules) -> BoundTally:
    """Walk the table and count it; raises SourceError."""
    return parser.tally_messages(list(table.messages()), rules)


def elsewhere_of(tables: Tables | Missing, parser: Parser, own: Sources) -> Elsewhere | None:
    """Return what walks the tables for other namespaces, if it does for the exporter's own.

    own: the sources for the exporter's own namespace.
    """
    if isinstance(tables, Missing):
        return None
    gather, count = _decoders(parser)

    def usable() -> bool:
        return own.told_by().source == BPF

    private = tables.connections.is_private()
    return Elsewhere(tables, gather, count, parser.tally_messages, usable, is_private=private)


def _decoders(parser: Parser) -> tuple[Collect, Count]:
    if parser.name == READABLE:
        from tcp_pressure_exporter.sources.bpf.walk import readable  # noqa: PLC0415 - as above

        return collect, readable.tally_found
    from tcp_pressure_exporter.sources.bpf.walk import compiled  # noqa: PLC0415 - as above

    return compiled.collect, compiled.tally_found
