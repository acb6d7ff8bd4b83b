"""The sysctls that decide when and how TCP comes under pressure, all single numbers."""

from pathlib import Path

from tcp_pressure_exporter.kernel.sysctl import parse_int, read_sysctl

# A kernel lacks some of them: those of the whole host in a network namespace that is not the first,
# those of conntrack without its module, and those that came or went with its version.
SYSCTLS = (
    # How long ports stay taken.
    "net.ipv4.tcp_tw_reuse",
    "net.ipv4.tcp_tw_reuse_delay",
    "net.ipv4.tcp_tw_recycle",  # before Linux 4.12; breaks clients behind NAT
    "net.ipv4.tcp_timestamps",  # without them nothing in TIME_WAIT is reused
    "net.ipv4.tcp_rfc1337",
    "net.ipv4.tcp_max_tw_buckets",
    "net.ipv4.tcp_fin_timeout",  # of orphans in FIN_WAIT2: no setting shortens TIME_WAIT
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
    # What each packet's search for its connection costs.
    "net.ipv4.tcp_ehash_entries",  # negative where the namespace shares the first one's table
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

    A sysctl that the kernel does not have is absent. Times are in seconds, tcp_tw_reuse_delay in
    milliseconds. Source: Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst.
    """
    texts = ((name, read_sysctl(procfs, name)) for name in SYSCTLS)
    return {
        name.rpartition(".")[2]: parse_int(name, text) for name, text in texts if text is not None
    }
