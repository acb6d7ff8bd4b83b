"""The Linux settings that an action is about, each with what it changes and what it risks.

Source: Documentation/networking/ip-sysctl.rst and nf_conntrack-sysctl.rst.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from tcp_pressure_exporter.findings.kinds import (
    CONNTRACK_ENTRIES,
    LISTEN_QUEUE,
    ORPHANS,
    TIME_WAIT_BUCKETS,
)

KEPT_IN = "/etc/sysctl.d/90-tcp-pressure.conf"


class Step(NamedTuple):
    """One thing to type. where: the shell, or the place of a setting. lines: to be copied.

    keep: the line in KEPT_IN that makes it survive a reboot; "" if it does anyway.
    changes, risks: what it does, and what to look out for.
    """

    where: str
    lines: tuple[str, ...]
    changes: str
    risks: str
    keep: str = ""

    @property
    def sets(self) -> str:
        """What it sets: if two steps set the same thing, the second repeats or undoes the first."""
        last = self.lines[-1].partition("=")[0]
        return last if self.where == SHELL else "\n".join((self.where, *self.lines))


SHELL = "shell"


def for_a_while(step: Step) -> Step:
    """Return the step as one for an emergency, which is not kept."""
    return step._replace(keep="")


def sysctl(name: str, value: str, changes: str, risks: str) -> Step:
    """Return the step that sets a sysctl."""
    shown = f'"{value}"' if " " in value else value
    return Step(SHELL, (f"sysctl -w {name}={shown}",), changes, risks, f"{name} = {value}")


TW_REUSE = sysctl(
    "net.ipv4.tcp_tw_reuse",
    "1",
    "connect() may reuse a port after one second in TIME_WAIT.",
    "None known: it works only when both ends send timestamps, which tell late segments apart"
    " (RFC 6191).",
)
SYN_RETRIES = for_a_while(
    sysctl(
        "net.ipv4.tcp_syn_retries",
        "3",
        "An unanswered connect() gives up after about 15 s instead of about two minutes.",
        "Connections over a lossy path fail sooner. Restore the old value afterwards.",
    )
)
FIN_TIMEOUT = for_a_while(
    sysctl(
        "net.ipv4.tcp_fin_timeout",
        "5",
        "A closed connection whose peer does not close frees its port after about 8 s instead"
        " of a minute.",
        "A peer that is still sending gets a reset. Set it back to 60 afterwards.",
    )
)
ORPHAN_RETRIES = for_a_while(
    sysctl(
        "net.ipv4.tcp_orphan_retries",
        "1",
        "A closed connection whose peer does not answer is dropped within seconds.",
        "A slow peer loses data that it has not read yet. Set it back to 0 afterwards.",
    )
)


LEAST_QUEUE = 4096  # connections: the default of net.core.somaxconn since Linux 5.4
LIMIT_STEPS: Mapping[str, Callable[[int], Step]] = {
    LISTEN_QUEUE: lambda limit: sysctl(
        "net.core.somaxconn",
        str(max(2 * limit, LEAST_QUEUE)),
        "A service can ask for a longer accept queue (listen backlog) when it restarts.",
        "It only absorbs bursts: if the service is too slow, clients just wait longer.",
    ),
    TIME_WAIT_BUCKETS: lambda limit: sysctl(
        "net.ipv4.tcp_max_tw_buckets",
        str(2 * limit),
        "Up to twice as many connections can be in TIME_WAIT.",
        "About 250 bytes of memory each.",
    ),
    ORPHANS: lambda _limit: ORPHAN_RETRIES,
    CONNTRACK_ENTRIES: lambda limit: sysctl(
        "net.netfilter.nf_conntrack_max",
        str(2 * limit),
        "conntrack can track twice as many connections.",
        "About 300 bytes of memory each.",
    ),
}


# For findings that a single setting fixes: its name, its value, what that changes and risks.
NOTHING_KNOWN = "None known."
FINDING_STEPS: Mapping[str, Step] = {
    name: sysctl(*setting)
    for name, setting in {
        "tw_recycle_enabled": (
            "net.ipv4.tcp_tw_recycle",
            "0",
            "Clients behind NAT are no longer dropped.",
            "More connections stay in TIME_WAIT.",
        ),
        "tw_reuse_without_timestamps": (
            "net.ipv4.tcp_timestamps",
            "1",
            "New connections use timestamps, so tcp_tw_reuse works.",
            "12 more bytes in each segment.",
        ),
        "timestamps_disabled": (
            "net.ipv4.tcp_timestamps",
            "1",
            "New connections use timestamps.",
            "12 more bytes in each segment.",
        ),
        "tw_reuse_delay_lowered": (
            "net.ipv4.tcp_tw_reuse_delay",
            "1000",
            "A port is reused after one second, when every peer's clock has ticked.",
            NOTHING_KNOWN,
        ),
        "fin_timeout_lowered": (
            "net.ipv4.tcp_fin_timeout",
            "60",
            "Slow peers get a minute to close.",
            "Orphans in FIN_WAIT2 hold their ports longer.",
        ),
        "rfc1337_rejections": (
            "net.ipv4.tcp_rfc1337",
            "0",
            "A reset ends TIME_WAIT, so a peer can reconnect.",
            "An old reset may end TIME_WAIT early (RFC 1337).",
        ),
        "retries2_lowered": (
            "net.ipv4.tcp_retries2",
            "15",
            "Connections survive an outage of a few minutes.",
            "A dead peer is noticed later.",
        ),
        "syncookies_disabled": (
            "net.ipv4.tcp_syncookies",
            "1",
            "New clients can connect while the SYN queue is full.",
            "Connections set up this way lack some TCP options.",
        ),
        "abort_on_overflow_enabled": (
            "net.ipv4.tcp_abort_on_overflow",
            "0",
            "When the accept queue is full, clients retry instead of being reset.",
            "They wait a second or more.",
        ),
        "conntrack_time_wait_shortened": (
            "net.netfilter.nf_conntrack_tcp_timeout_time_wait",
            "120",
            "conntrack remembers a closed connection longer than TCP does.",
            "More entries in the conntrack table.",
        ),
        "conntrack_established_too_long": (
            "net.netfilter.nf_conntrack_tcp_timeout_established",
            "86400",
            "Dead connections leave the table after a day.",
            "A live connection that is silent for a day is dropped, unless it sends keepalives.",
        ),
    }.items()
}
