"""The report on one local port: asks once who holds it."""

import sys
from datetime import datetime
from pathlib import Path
from socket import gethostname
from typing import TextIO

from tcp_pressure_exporter.daemon.report.terminal import charset_of, open_console, rendered
from tcp_pressure_exporter.facts.bound import BoundRules
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.questions import Missing, Sources
from tcp_pressure_exporter.facts.sockets import (
    TCP_CLOSE_WAIT,
    TCP_ESTABLISHED,
    TCP_SYN_RECV,
    PortSocket,
)
from tcp_pressure_exporter.pages.json_documents.report import port_json
from tcp_pressure_exporter.pages.report.port import port_report
from tcp_pressure_exporter.sample.listeners import Listeners
from tcp_pressure_exporter.sampling.host import owners_of, why_no_process_names
from tcp_pressure_exporter.settings.options import ReportOptions
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.systems.linux import own_sources
from tcp_pressure_exporter.verdict.details.port_holders import HeldPort, PortHolder, by_importance

BOUND_ONLY_UNSEEN = "sockets that are only bound, before Linux 6.8; other network namespaces"
_MAY_WAIT = frozenset({TCP_ESTABLISHED, TCP_SYN_RECV, TCP_CLOSE_WAIT})  # for accept()


def show_port(port: int, options: ReportOptions, stream: TextIO) -> None:
    """Print who holds a port; raises SourceError if nothing can tell, OSError from the stream."""
    sources = own_sources(sys.platform, options.procfs, best_parser())
    try:
        held = held_port(port, sources, _owners(options.procfs))
    finally:
        sources.close()
    if options.json:
        print(port_json(held, gethostname(), datetime.now().astimezone()), file=stream, flush=True)
        return
    console = open_console(stream)
    print(rendered(port_report(held, charset_of(stream)), console), file=stream, flush=True)


def _owners(procfs: Path) -> Owners:
    return owners_of(procfs, 1.0, named=why_no_process_names(procfs) is None)


def held_port(port: int, sources: Sources, owners: Owners) -> HeldPort:
    """Return who holds a port in the network namespace; raises SourceError."""
    details = sources.details
    if isinstance(details, Missing):
        raise SourceError("sockets of one port", details.reason)
    settings = sources.settings.port_range()
    sockets = details.port_sockets(port)
    listeners = Listeners(sources.sockets.bound_sockets(BoundRules(1 << port)).kept)
    found = [_with_listener(socket, listeners) for socket in sockets]
    owners.look_up([socket.owner_id for socket, _waits in found])
    holders = [
        PortHolder(socket, owners.owner(socket.owner_id), waits, _interface(socket, sources))
        for socket, waits in found
    ]
    return HeldPort(
        port=port,
        holders=by_importance(holders),
        chosen=bool(settings.usable >> port & 1),
        reserved=_in_range(settings, port) and bool(settings.reserved >> port & 1),
        unseen=BOUND_ONLY_UNSEEN,
    )


def _interface(socket: PortSocket, sources: Sources) -> str:
    return sources.interface_name(socket.scope) if socket.scope else ""


def _in_range(settings: PortRange, port: int) -> bool:
    return settings.low <= port <= settings.high


def _with_listener(socket: PortSocket, listeners: Listeners) -> tuple[PortSocket, bool]:
    """Return the socket, its listener's if no application has accepted it; and whether so."""
    waits = socket.state in _MAY_WAIT and not socket.owner_id.inode
    if not waits:
        return socket, False
    owner_id = listeners.owner_id(socket.address, socket.port)
    return socket._replace(owner_id=owner_id), True
