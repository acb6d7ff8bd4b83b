"""Findings about what protects connections, accept queues and conntrack; as port_findings.py."""

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.findings.evidence import Evidence, NotAskedError
from tcp_pressure_exporter.findings.ports import shortened

REJECTIONS = ("PAWSTimewait", "TCPACKSkippedTimeWait")  # the first: Linux 6.16 and later
LEAST_RETRIES2 = 8  # 100 s, RFC 1122, section 4.2.3.5: Documentation/networking/ip-sysctl.rst
TIME_WAIT_SECONDS = 60  # TCP_TIMEWAIT_LEN, include/net/tcp.h
DAY = 86_400
CROWDED = 0.5  # of the entries of a table or queue


def timestamps_disabled(facts: Evidence) -> str | None:
    """Find PAWS and the reopening of TIME_WAIT connections off (RFC 7323, RFC 6191)."""
    return "net.ipv4.tcp_timestamps = 0" if facts.sysctl("tcp_timestamps") == 0 else None


def rfc1337_rejections(facts: Evidence) -> str | None:
    """Find rejected SYNs where, by tcp_rfc1337, no RST may end the TIME_WAIT that rejects them.

    Source: net/ipv4/tcp_minisocks.c, tcp_timewait_state_process.
    """
    if not facts.sysctl("tcp_rfc1337"):
        return None
    rising = [event for event in REJECTIONS if event in facts.rising.get()]
    return f"net.ipv4.tcp_rfc1337 = 1, {' and '.join(rising)} rising" if rising else None


def retries2_lowered(facts: Evidence) -> str | None:
    """Find connections given up sooner than RFC 1122 allows."""
    retries = facts.sysctl("tcp_retries2")
    if retries is None or retries >= LEAST_RETRIES2:
        return None
    return f"net.ipv4.tcp_retries2 = {retries}"


def syncookies_disabled(facts: Evidence) -> str | None:
    """Find SYN cookies off: a full SYN queue then refuses everybody (RFC 4987, section 3.6)."""
    return "net.ipv4.tcp_syncookies = 0" if facts.sysctl("tcp_syncookies") == 0 else None


def abort_on_overflow(facts: Evidence) -> str | None:
    """Find that a burst resets clients instead of letting them try again."""
    return "net.ipv4.tcp_abort_on_overflow = 1" if facts.sysctl("tcp_abort_on_overflow") else None


def somaxconn_below_backlog(facts: Evidence) -> str | None:
    """Find queues that listen() cut to somaxconn without a word (net/socket.c, __sys_listen).

    The kernel shows the cut value only: a listener is meant whose queue is longer than somaxconn
    now allows, or exactly as long and half full.
    """
    if not facts.shows_queues:
        raise NotAskedError
    most = facts.sysctl("somaxconn")
    if most is None:
        return None
    found = {
        f"{format_address(socket.address)} port {socket.port} has {socket.queue_limit}"
        for socket in facts.bound.get()
        if socket.listening
        and (
            socket.queue_limit > most
            or (socket.queue_limit == most and socket.queue_used >= CROWDED * most)
        )
    }
    return f"net.core.somaxconn = {most}; {shortened(sorted(found))}" if found else None


def conntrack_time_wait_shortened(facts: Evidence) -> str | None:
    """Find a time-out below TCP's own: late segments are invalid, NAT gives ports away early."""
    name = "nf_conntrack_tcp_timeout_time_wait"
    seconds = facts.sysctl(name)
    if seconds is None or seconds >= TIME_WAIT_SECONDS or not _tracks(facts):
        return None
    return f"net.netfilter.{name} = {seconds}"


def conntrack_established_below_keepalive(facts: Evidence) -> str | None:
    """Find idle connections forgotten before their first keepalive (RFC 5382, section 5).

    Equal is too late as well: the entry is gone when the probe comes.
    """
    name = "nf_conntrack_tcp_timeout_established"
    seconds, keepalive = facts.sysctl(name), facts.sysctl("tcp_keepalive_time")
    if seconds is None or keepalive is None or seconds > keepalive or not _tracks(facts):
        return None
    return f"net.netfilter.{name} = {seconds}, net.ipv4.tcp_keepalive_time = {keepalive}"


def conntrack_established_too_long(facts: Evidence) -> str | None:
    """Find a crowded table where dead connections stay for days: by default five."""
    seconds = facts.sysctl("nf_conntrack_tcp_timeout_established")
    for resource in facts.resources.get():
        if resource.name != "conntrack_entries" or seconds is None or seconds <= DAY:
            continue
        if resource.used >= CROWDED * resource.limit:
            full = f"{resource.used} of {resource.limit} entries"
            return f"net.netfilter.nf_conntrack_tcp_timeout_established = {seconds}, {full}"
    return None


def _tracks(facts: Evidence) -> bool:
    """Tell whether any connection is tracked: the time-outs exist also where none is."""
    return any(r.name == "conntrack_entries" and r.used for r in facts.resources.get())
