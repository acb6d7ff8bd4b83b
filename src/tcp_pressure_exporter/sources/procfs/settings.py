"""The sysctls that determine TCP pressure: the port range, reuse of TIME_WAIT, and the rest.

Source: Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import MAX_PORT, RESERVED_PORTS, PortRange, port_range
from tcp_pressure_exporter.facts.system import LINUX
from tcp_pressure_exporter.facts.time_wait import (
    MAX_LENGTH_MS,
    TCP_TIMEWAIT_LEN_MS,
    TimeWaitReuse,
    same_length,
    time_wait_reuse,
)
from tcp_pressure_exporter.sources.netlink.socket import kernel_tick
from tcp_pressure_exporter.sources.procfs.files import (
    absent,
    parse_int,
    read_sysctl,
    read_sysctl_int,
    read_sysctls,
)

PORT = re.compile("[0-9]{1,5}")
RANGE = "net.ipv4.ip_local_port_range"
RESERVED = "net.ipv4.ip_local_reserved_ports"
MIN_RESVPORT, MAX_RESVPORT = "sunrpc.min_resvport", "sunrpc.max_resvport"
RESERVED_BYTES = 262_144  # the longest list, every second port, has 191 kB


def read_port_range(procfs: Path) -> PortRange:
    """Read both sysctls; raises SourceError. Kernels before 2.6.35 reserve nothing."""
    text = read_sysctl(procfs, RANGE)
    if text is None:
        raise absent(procfs, RANGE)
    low, high = parse_port_range(text)
    reserved = parse_reserved_ports(read_sysctl(procfs, RESERVED, RESERVED_BYTES) or "")
    return PortRange(low, high, reserved, privileged=_privileged_ports(procfs))


def _privileged_ports(procfs: Path) -> int:
    """Return how many ports the kernel's RPC client has; without the module, the default."""
    low, high = (read_sysctl(procfs, name) for name in (MIN_RESVPORT, MAX_RESVPORT))
    if low is None or high is None:
        return RESERVED_PORTS
    first, last = _parse_port(MIN_RESVPORT, low.strip()), _parse_port(MAX_RESVPORT, high.strip())
    return max(last - first + 1, 0)


def parse_port_range(text: str) -> tuple[int, int]:
    """Parse "low<white space>high"; raises SourceError."""
    fields = text.split()
    if len(fields) != 2:  # noqa: PLR2004 - low and high
        raise SourceError(RANGE, f"expected two ports, got {text[:40]!r}")
    low, high = (_parse_port(RANGE, field) for field in fields)
    if low > high:
        raise SourceError(RANGE, f"{low} is above {high}")
    return low, high


def parse_reserved_ports(text: str) -> int:
    """Parse "40002-40003,50000" into the set of ports; raises SourceError."""
    reserved = 0
    for item in filter(None, text.strip().split(",")):
        first, dash, last = item.partition("-")
        low = _parse_port(RESERVED, first)
        high = _parse_port(RESERVED, last) if dash else low
        if low > high:
            raise SourceError(RESERVED, f"{low} is above {high}")
        reserved |= port_range(low, high)
    return reserved


def _parse_port(name: str, text: str) -> int:
    if PORT.fullmatch(text) is None or int(text) > MAX_PORT:
        raise SourceError(name, f"expected a port, got {text[:40]!r}")
    return int(text)


DELAY = "net.ipv4.tcp_tw_reuse_delay"
TIMEOUT = "net.ipv4.tcp_tw_timeout"


def read_time_wait_reuse(procfs: Path, tick: float) -> TimeWaitReuse:
    """Read net.ipv4.tcp_tw_reuse, tcp_timestamps, tcp_tw_reuse_delay and tcp_tw_timeout.

    tick: 1/HZ in seconds. Raises SourceError.
    """
    mode = read_sysctl_int(procfs, "net.ipv4.tcp_tw_reuse")
    timestamps = read_sysctl_int(procfs, "net.ipv4.tcp_timestamps")
    delay = read_sysctl(procfs, DELAY)
    reuse = time_wait_reuse(mode, timestamps, None if delay is None else parse_int(DELAY, delay))
    return replace(reuse, lengths=same_length(read_time_wait_length(procfs)), tick=tick)


def read_time_wait_length(procfs: Path) -> int:
    """Return how long TIME_WAIT lasts, in milliseconds; raises SourceError.

    Alibaba Cloud Linux has a setting for it, in seconds from 1 to 600; elsewhere it is a constant.
    """
    text = read_sysctl(procfs, TIMEOUT)
    if text is None:
        return TCP_TIMEWAIT_LEN_MS
    return min(max(1000 * parse_int(TIMEOUT, text), 1000), MAX_LENGTH_MS)


# Some may be missing: those of the whole host in any but the initial network namespace, those of
# conntrack without its module, and those that other kernel versions have.
SYSCTLS = (
    # How long ports stay taken.
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_tw_recycle",  # before Linux 4.12; breaks clients behind NAT
    "net.ipv4.tcp_timestamps",  # without them nothing in TIME_WAIT is reused
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_fin_timeout",  # for orphans in FIN_WAIT2: not the length of TIME_WAIT
    "net.ipv4.ip_autobind_reuse",  # whether bind(address, 0) shares ports
    # How many connections may wait to be accepted.
    "net.core.somaxconn",
    "net.ipv4.tcp_max_syn_backlog",
    "net.ipv4.tcp_syncookies",
    "net.ipv4.tcp_abort_on_overflow",
    # How long a connection to a dead peer lives.
    "net.ipv4.tcp_syn_retries",
    "net.ipv4.tcp_synack_retries",
    "net.ipv4.tcp_retries2",
    "net.ipv4.tcp_orphan_retries",
    "net.ipv4.tcp_max_orphans",
    "net.ipv4.tcp_keepalive_time",
    "net.ipv4.tcp_keepalive_intvl",
    "net.ipv4.tcp_keepalive_probes",
    # What it costs to find the connection of a packet.
    "net.ipv4.tcp_ehash_entries",  # negative if the namespace shares the initial one's table
    "net.netfilter.nf_conntrack_buckets",
    # How many connections a NAT gateway can track, and for how long.
    "net.netfilter.nf_conntrack_max",
    "net.netfilter.nf_conntrack_tcp_timeout_syn_sent",
    "net.netfilter.nf_conntrack_tcp_timeout_established",
    "net.netfilter.nf_conntrack_tcp_timeout_fin_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_close_wait",
    "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
)


def read_tcp_sysctls(procfs: Path) -> dict[str, int]:
    """Return the values by the last part of their names (tcp_tw_reuse); raises SourceError.

    Sysctls that the kernel does not have are left out; it is an error if there are none. Times are
    in seconds, tcp_tw_reuse_delay in milliseconds. Source: Documentation/networking/ip-sysctl.rst
    and nf_conntrack-sysctl.rst.
    """
    texts = read_sysctls(procfs, SYSCTLS)
    found = {name.rpartition(".")[2]: parse_int(name, text) for name, text in texts.items()}
    if not found:  # no kernel lacks them all
        raise absent(procfs, SYSCTLS[0])
    return found


class ProcSettings:
    """The sysctls. Every question reads afresh and raises SourceError."""

    system = LINUX

    def __init__(self, procfs: Path, tick: Callable[[], float] = kernel_tick) -> None:
        self._procfs = procfs
        self._tick = tick

    def port_range(self) -> PortRange:
        """Return the local port range and the reserved ports."""
        return read_port_range(self._procfs)

    def time_wait_reuse(self) -> TimeWaitReuse:
        """Return when a connect() takes over a TIME_WAIT entry."""
        return read_time_wait_reuse(self._procfs, self._tick())

    def sysctls(self) -> Mapping[str, int]:
        """Return the sysctls that determine TCP pressure, by the last part of their names."""
        return read_tcp_sysctls(self._procfs)
