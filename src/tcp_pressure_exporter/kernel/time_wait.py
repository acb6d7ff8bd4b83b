"""The sysctls that decide what becomes of TIME_WAIT entries: when a connect() may take one over."""

from pathlib import Path

from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse, time_wait_reuse
from tcp_pressure_exporter.kernel.sysctl import parse_int, read_sysctl, read_sysctl_int

DELAY = "net.ipv4.tcp_tw_reuse_delay"


def read_time_wait_reuse(procfs: Path) -> TimeWaitReuse:
    """Read net.ipv4.tcp_tw_reuse, tcp_timestamps and tcp_tw_reuse_delay; raises SourceError."""
    mode = read_sysctl_int(procfs, "net.ipv4.tcp_tw_reuse")
    timestamps = read_sysctl_int(procfs, "net.ipv4.tcp_timestamps")
    delay = read_sysctl(procfs, DELAY)
    return time_wait_reuse(mode, timestamps, None if delay is None else parse_int(DELAY, delay))
