"""The netlink socket to conntrack: dumps the translated connections. Needs CAP_NET_ADMIN."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

from tcp_pressure_exporter.facts.tally import NatRules, OtherPools, PoolTally, RowRules
from tcp_pressure_exporter.sources.conntrack.proc import (
    may_read_proc_conntrack,
    read_proc_conntrack,
)
from tcp_pressure_exporter.sources.counting.parser import Parser
from tcp_pressure_exporter.sources.netlink.ctnetlink import EVICTS_SINCE, encode_nat_request
from tcp_pressure_exporter.sources.netlink.socket import Answer, Dump, NetlinkSocket
from tcp_pressure_exporter.sources.procfs.files import parse_int, read_kernel_release, read_sysctl

NETLINK_NETFILTER = 12  # include/uapi/linux/netlink.h


def open_conntrack_socket() -> socket.socket:
    """Open a socket that asks the network namespace of the calling thread."""
    return socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER
    )


class ConntrackSocket:
    """Dumps translated connections, as NetlinkSocket does."""

    def __init__(
        self,
        open_socket: Callable[[], socket.socket] = open_conntrack_socket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._netlink = NetlinkSocket("ctnetlink dump", open_socket, clock)

    def ask(self, read: Callable[[Dump], Answer]) -> Answer:
        """Ask for all of them and read the answer; raises SourceError (EPERM without the right)."""
        return self._netlink.dump(encode_nat_request, read)

    def close(self) -> None:
        """Close the socket; the next dump opens another."""
        self._netlink.close()


COUNT = "net.netfilter.nf_conntrack_count"
NOTHING = PoolTally({}, OtherPools(), 0)
NEEDED = "needs CAP_NET_ADMIN, or CAP_DAC_READ_SEARCH to read /proc/net/nf_conntrack"


class ConntrackTable:
    """Asks the network namespace of the calling thread.

    by_netlink: ctnetlink, which needs CAP_NET_ADMIN; else /proc/net/nf_conntrack, which root may
    read, and who has CAP_DAC_READ_SEARCH.
    """

    def __init__(self, procfs: Path, parser: Parser, *, by_netlink: bool) -> None:
        self._procfs = procfs
        self._parser = parser
        self._socket = ConntrackSocket() if by_netlink else None

    def translated(self, rows: RowRules) -> PoolTally:
        """Return the NAT pools; raises SourceError.

        Where nothing is tracked the kernel is not asked: it might load a module for the answer.
        """
        tracked = read_sysctl(self._procfs, COUNT)
        if tracked is None or parse_int(COUNT, tracked) == 0:
            return NOTHING
        rules = NatRules(rows, evicts=read_kernel_release(self._procfs) >= EVICTS_SINCE)
        if self._socket is None:
            return read_proc_conntrack(self._procfs, rules)
        return self._socket.ask(lambda dump: self._parser.tally_nat(dump, rules))

    def missing(self) -> str | None:
        """Return why this process may not read the entries, None where it may."""
        if self._socket is None and not may_read_proc_conntrack(self._procfs):
            return NEEDED
        return None

    def close(self) -> None:
        """Close the netlink socket."""
        if self._socket is not None:
            self._socket.close()
