"""The choice of sources for this process, and Linux's: netlink and /proc."""

import socket
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import (
    NO_BIND_TABLE,
    NOT_WANTED,
    BindTableSource,
    Missing,
    Sources,
    ToldBy,
)
from tcp_pressure_exporter.facts.tally import NETLINK, NetworkPorts
from tcp_pressure_exporter.sources.bpf.bind_hash import open_bind_hash
from tcp_pressure_exporter.sources.bpf.walk.elsewhere import ForeignSockets
from tcp_pressure_exporter.sources.bpf.walk.sockets import WalkedSockets
from tcp_pressure_exporter.sources.bpf.walk.tables import Tables, open_tables
from tcp_pressure_exporter.sources.canary.canary import Canary
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import Parser
from tcp_pressure_exporter.sources.netlink.local_routes import LocalRoutes
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket, NetlinkSockets, why_no_netlink
from tcp_pressure_exporter.sources.pacing import Spending
from tcp_pressure_exporter.sources.procfs.capabilities import (
    effective_capabilities,
    may_ask_conntrack,
)
from tcp_pressure_exporter.sources.procfs.resources import ProcNumbers
from tcp_pressure_exporter.sources.procfs.settings import ProcSettings
from tcp_pressure_exporter.sources.systems.kernel import ask_kernel
from tcp_pressure_exporter.sources.systems.walks import elsewhere_of, walked_sockets

# In other namespaces the canary would take a port, even if only for microseconds; and a mere
# gateway has too few sockets of its own to be sampled at all.
NO_WALK = Missing(NOT_WANTED)
OWN_ALONE = Missing("only known for the exporter's own network namespace")


def own_sources(
    platform: str,
    procfs: Path,
    parser: Parser,
    *,
    walked: bool = False,
    spending: Spending | None = None,
) -> Sources:
    """Return the sources for this process's network namespace; asks netlink once to find out.

    platform: as in sys.platform. walked: whether to read the sockets by BPF where possible.
    spending: as in Allowance.
    """
    no_netlink = why_no_netlink(platform, DiagSocket())
    if no_netlink is None:
        tables = open_tables() if walked else NO_WALK
        return linux_sources(procfs, parser, open_bind_hash(), tables, spending)
    # Imported here, so that the daemon does without it where netlink answers.
    from tcp_pressure_exporter.sources.systems import portable  # noqa: PLC0415 - see above

    by_text = ConntrackTable(procfs, parser, by_netlink=False, spending=spending)
    return portable.portable_sources(platform, procfs, by_text, no_netlink)


def linux_sources(
    procfs: Path,
    parser: Parser,
    bind_table: BindTableSource | Missing = NO_BIND_TABLE,
    tables: Tables | Missing = NO_WALK,
    spending: Spending | None = None,
) -> Sources:
    """Return the sources for the process's network namespace; asks the kernel what it does."""
    diag = DiagSocket()
    kernel = ask_kernel(procfs, diag)
    diag.close()
    # A kernel that does not show them would walk all its sockets for nothing.
    shown = kernel.shows_bound_only is not False
    netlink = NetlinkSockets(parser.tally, parser.tally_bound, bound_only=shown, spending=spending)
    numbers = ProcNumbers(procfs)
    sockets, told_by = _walked(tables, parser, netlink, numbers)
    sources = Sources(
        counted_by=parser.name,
        settings=ProcSettings(procfs),
        sockets=sockets,
        details=sockets,
        numbers=numbers,
        canary=Canary(procfs),
        nat=conntrack_table(procfs, parser, spending),
        interface_name=interface_name,
        own_networks=own_networks,
        kernel=kernel,
        told_by=told_by,
        bind_table=bind_table,
    )
    return replace(sources, elsewhere=elsewhere_of(tables, parser, sources))


def _walked(
    tables: Tables | Missing,
    parser: Parser,
    netlink: NetlinkSockets,
    numbers: ProcNumbers,
) -> tuple[NetlinkSockets | WalkedSockets, Callable[[], ToldBy]]:
    """Return the source of the sockets, and what names it: netlink if no walk can be made."""
    if isinstance(tables, Missing):
        return netlink, partial(ToldBy, NETLINK, tables.reason)
    walked = walked_sockets(tables, parser, netlink, numbers)
    return walked, walked.who_told


def other_namespace_sources(procfs: Path, parser: Parser, own: Sources) -> Sources:
    """Return the sources for a network namespace that the calling thread enters.

    own: the sources for that of the process; some of them serve all.
    """
    netlink = NetlinkSockets(parser.tally, parser.tally_bound, bound_only=False)
    sockets = ForeignSockets(own.elsewhere, netlink, procfs) if own.elsewhere else netlink
    return Sources(
        counted_by=parser.name,
        settings=ProcSettings(procfs),
        sockets=sockets,
        details=sockets,
        numbers=ProcNumbers(procfs),
        canary=OWN_ALONE,
        nat=OWN_ALONE,
        interface_name=interface_name,
        own_networks=own_networks,
        bind_table=own.bind_table,
        failures=own.failures,
        closes=own.closes,
    )


def interface_name(index: int) -> str:
    """Return the name of an interface in the calling thread's namespace, or its index if gone.

    Source: netdevice(7), SIOCGIFNAME. People choose names freely; bytes that are not UTF-8 are
    replaced, as no page could carry them.
    """
    try:
        name = socket.if_indextoname(index)
    except OSError:
        return str(index)
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def own_networks() -> tuple[NetworkPorts, ...]:
    """Return the networks of the calling thread's namespace whose addresses are this host's."""
    routes = LocalRoutes()
    try:
        return routes.networks()
    finally:
        routes.close()


def conntrack_table(
    procfs: Path, parser: Parser, spending: Spending | None = None
) -> ConntrackTable:
    """Return conntrack's table: through netlink if permitted, otherwise from its text file."""
    try:
        by_netlink = may_ask_conntrack(effective_capabilities(procfs))
    except SourceError:
        by_netlink = False  # not tried unless known to be permitted
    return ConntrackTable(procfs, parser, by_netlink=by_netlink, spending=spending)
