"""The connections that this host translates as a NAT gateway, by netlink or from a text file."""

from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, OtherPools, PoolTally, RowRules
from tcp_pressure_exporter.kernel.conntrack import EVICTS_SINCE
from tcp_pressure_exporter.kernel.conntrack_socket import ConntrackSocket
from tcp_pressure_exporter.kernel.kernel_release import read_kernel_release
from tcp_pressure_exporter.kernel.parser import Parser
from tcp_pressure_exporter.kernel.proc_conntrack import may_read_proc_conntrack, read_proc_conntrack
from tcp_pressure_exporter.kernel.sysctl import parse_int, read_sysctl

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

    def tally(self, rows: RowRules) -> PoolTally:
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

    def check(self) -> None:
        """Raise SourceError where this process may not read the entries."""
        if self._socket is None and not may_read_proc_conntrack(self._procfs):
            raise SourceError("conntrack", NEEDED)

    def close(self) -> None:
        """Close the netlink socket."""
        if self._socket is not None:
            self._socket.close()
