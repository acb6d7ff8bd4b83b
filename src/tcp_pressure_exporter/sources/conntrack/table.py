"""A gateway's NAT pools, from conntrack by netlink (needs CAP_NET_ADMIN) or as text.

Strategy: every sample counts the connections with a translated source, which make up the pools.
Others hold ports of the same pools too: the gateway's own connections, and those with only a
translated destination. There may be a million of them on a host with few NAT pools, so they are
counted only as often as a share of one CPU allows; in between, the last known number is added.
"""

import socket
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from heapq import nlargest
from pathlib import Path

from tcp_pressure_exporter.facts.tally import (
    MAX_ROWS,
    NatRules,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    RowRules,
)
from tcp_pressure_exporter.sources.conntrack.proc import (
    may_read_proc_conntrack,
    read_proc_conntrack,
)
from tcp_pressure_exporter.sources.counting.parser import Parser
from tcp_pressure_exporter.sources.netlink.ctnetlink import EVICTS_SINCE, encode_nat_request
from tcp_pressure_exporter.sources.netlink.socket import Answer, Dump, NetlinkSocket
from tcp_pressure_exporter.sources.pacing import Allowance, Spending
from tcp_pressure_exporter.sources.procfs.files import parse_int, read_kernel_release, read_sysctl

NETLINK_NETFILTER = 12  # include/uapi/linux/netlink.h


def open_conntrack_socket() -> socket.socket:
    """Open a socket that asks in the calling thread's network namespace."""
    return socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
    )


class ConntrackSocket:
    """Dumps tracked connections, as NetlinkSocket does."""

    def __init__(
        self,
        open_socket: Callable[[], socket.socket] = open_conntrack_socket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._netlink = NetlinkSocket("ctnetlink dump", open_socket, clock)

    def ask(self, read: Callable[[Dump], Answer], *, translated: bool = True) -> Answer:
        """Ask for those with a translated source, or for the others, and read the answer.

        Raises SourceError (EPERM without the privilege).
        """
        return self._netlink.dump(partial(encode_nat_request, translated=translated), read)

    def close(self) -> None:
        """Close the socket; the next dump opens another."""
        self._netlink.close()


COUNT = "net.netfilter.nf_conntrack_count"
NOTHING = PoolTally({}, OtherPools(), 0)
NEEDED = "needs CAP_NET_ADMIN, or CAP_DAC_READ_SEARCH to read /proc/net/nf_conntrack"


# For the connections without a translated source.
UNTRANSLATED_SHARE = 0.005  # of one CPU
LONGEST_PAUSE = 300.0  # seconds: how old their number may get


class ConntrackTable:
    """Asks in the calling thread's network namespace.

    by_netlink: use ctnetlink, which needs CAP_NET_ADMIN; otherwise /proc/net/nf_conntrack, which
    root may read, and anyone with CAP_DAC_READ_SEARCH. spending: as in Allowance.
    """

    def __init__(
        self,
        procfs: Path,
        parser: Parser,
        *,
        by_netlink: bool,
        clock: Callable[[], float] = time.monotonic,
        spending: Spending | None = None,
    ) -> None:
        self._procfs = procfs
        self._parser = parser
        self._socket = ConntrackSocket() if by_netlink else None
        self._untranslated: Mapping[PoolKey, PoolCount] = {}
        self._allowance = Allowance(UNTRANSLATED_SHARE, LONGEST_PAUSE, clock, spending=spending)

    def translated(self, rows: RowRules, clients_of: Sequence[PoolKey] = ()) -> PoolTally:
        """Return the NAT pools, some of them by client; raises SourceError.

        If nothing is tracked, the kernel is not asked: it might load a module for the answer.
        """
        tracked = read_sysctl(self._procfs, COUNT)
        if tracked is None or parse_int(COUNT, tracked) == 0:
            return NOTHING
        evicts = read_kernel_release(self._procfs) >= EVICTS_SINCE
        if self._allowance.due():
            # A pool with few now may have many once the others are counted.
            found = self._count(NatRules(rows._replace(min_used=0), evicts, clients_of=clients_of))
            self._untranslated = self._look_for_others(found)
        else:
            watched = {*rows.watched, *self._untranslated}
            found = self._count(
                NatRules(rows._replace(watched=watched), evicts, clients_of=clients_of)
            )
        return _with_others(found, self._untranslated)

    def _look_for_others(self, found: PoolTally) -> Mapping[PoolKey, PoolCount]:
        """Count what else holds ports of the pools in rows; without rows, ask nothing.

        The kernel never ends any of them for a new connection: nf_nat_may_kill.
        """
        if not found.rows:
            return {}
        rules = NatRules(RowRules(watched=set(found.rows)), evicts=False, translated=False)
        with self._allowance.spend():
            rows = self._count(rules).rows
        held = [(key, count) for key, count in rows.items() if count.ports]
        return dict(nlargest(MAX_ROWS, held, key=lambda row: row[1].ports))

    def _count(self, rules: NatRules) -> PoolTally:
        if self._socket is None:
            return read_proc_conntrack(self._procfs, rules)
        return self._socket.ask(
            lambda dump: self._parser.tally_nat(dump, rules), translated=rules.translated
        )

    def missing(self) -> str | None:
        """Return why this process may not read the entries, None where it may."""
        if self._socket is None and not may_read_proc_conntrack(self._procfs):
            return NEEDED
        return None

    def close(self) -> None:
        """Close the netlink socket."""
        if self._socket is not None:
            self._socket.close()


def _with_others(found: PoolTally, others: Mapping[PoolKey, PoolCount]) -> PoolTally:
    """Return the pools with the ports that other connections hold in them."""
    rows = {key: _sum(count, others.get(key)) for key, count in found.rows.items()}
    return replace(found, rows=rows)


def _sum(count: PoolCount, other: PoolCount | None) -> PoolCount:
    if other is None:
        return count
    return count._replace(
        ports=count.ports + other.ports,
        time_wait=(count.time_wait or 0) + (other.time_wait or 0),
    )
