"""Findings about what protects connections, accept queues and conntrack, each with its check."""

from tcp_pressure_exporter.facts.addresses import format_address
from tcp_pressure_exporter.facts.time_wait import TCP_TIMEWAIT_LEN
from tcp_pressure_exporter.figures import percent
from tcp_pressure_exporter.findings.evidence import Evidence, NotAskedError
from tcp_pressure_exporter.findings.finding import Finding, shortened
from tcp_pressure_exporter.findings.kinds import (
    CONNTRACK_ENTRIES,
    CROWDED,
    KINDS,
    LISTEN_QUEUE,
    Severity,
)

REJECTIONS = ("PAWSTimewait", "TCPACKSkippedTimeWait")  # the first: Linux 6.16 and later
LEAST_RETRIES2 = 8  # 100 s, RFC 1122, section 4.2.3.5: Documentation/networking/ip-sysctl.rst
DAY = 86_400


def timestamps_disabled(evidence: Evidence) -> str | None:
    """Find PAWS and the reopening of TIME_WAIT connections switched off (RFC 7323, RFC 6191)."""
    return "net.ipv4.tcp_timestamps = 0" if evidence.sysctl("tcp_timestamps") == 0 else None


TIMESTAMPS_DISABLED = Finding(
    "timestamps_disabled",
    Severity.WARNING,
    "Without TCP timestamps, connect() cannot reuse ports in TIME_WAIT, and old segments are"
    " harder to tell from new ones: set tcp_timestamps to 1.",
    timestamps_disabled,
)


def rfc1337_rejections(evidence: Evidence) -> str | None:
    """Find rejected SYNs where tcp_rfc1337 keeps a RST from ending the TIME_WAIT that rejects them.

    Source: net/ipv4/tcp_minisocks.c, tcp_timewait_state_process.
    """
    if not evidence.sysctl("tcp_rfc1337"):
        return None
    rising = [event for event in REJECTIONS if event in evidence.rises.get().recent]
    return f"net.ipv4.tcp_rfc1337 = 1, {' and '.join(rising)} rising" if rising else None


RFC1337_REJECTIONS = Finding(
    "rfc1337_rejections",
    Severity.WARNING,
    "With tcp_rfc1337 on, a client that TIME_WAIT rejects, as happens behind NAT, cannot"
    " reconnect: set it to 0.",
    rfc1337_rejections,
)


def retries2_lowered(evidence: Evidence) -> str | None:
    """Find connections given up sooner than RFC 1122 allows."""
    retries = evidence.sysctl("tcp_retries2")
    if retries is None or retries >= LEAST_RETRIES2:
        return None
    return f"net.ipv4.tcp_retries2 = {retries}"


RETRIES2_LOWERED = Finding(
    "retries2_lowered",
    Severity.CALM,
    "A tcp_retries2 below 8 drops connections that would survive a short outage: restore 15"
    " unless this is intended.",
    retries2_lowered,
)


def syncookies_disabled(evidence: Evidence) -> str | None:
    """Find SYN cookies off: a full SYN queue then refuses everyone (RFC 4987, section 3.6)."""
    return "net.ipv4.tcp_syncookies = 0" if evidence.sysctl("tcp_syncookies") == 0 else None


SYNCOOKIES_DISABLED = Finding(
    "syncookies_disabled",
    Severity.WARNING,
    "Without SYN cookies, a full SYN queue refuses new clients: set tcp_syncookies to 1.",
    syncookies_disabled,
)


def abort_on_overflow(evidence: Evidence) -> str | None:
    """Find a setting by which a burst resets clients instead of letting them try again."""
    return (
        "net.ipv4.tcp_abort_on_overflow = 1" if evidence.sysctl("tcp_abort_on_overflow") else None
    )


ABORT_ON_OVERFLOW_ENABLED = Finding(
    "abort_on_overflow_enabled",
    Severity.CALM,
    "A full accept queue resets clients that could have waited: set tcp_abort_on_overflow to 0.",
    abort_on_overflow,
)


def somaxconn_below_backlog(evidence: Evidence) -> str | None:
    """Find queues that listen() silently cut to somaxconn (net/socket.c, __sys_listen).

    The kernel shows only the cut value. So this finds listeners whose queue is longer than
    somaxconn now allows, or exactly as long and half full.
    """
    bound = evidence.bound.get()
    if any(socket.queue_limit is None for socket in bound.kept if socket.listening):
        raise NotAskedError
    most = evidence.sysctl("somaxconn")
    if most is None:
        return None
    # The queues are the fullest of all, the sockets are the first ones, however empty.
    queues = {
        (queue.key.address, queue.key.port, queue.used, queue.limit) for queue in bound.queues
    }
    queues |= {
        (socket.address, socket.port, socket.queue_used, socket.queue_limit or 0)
        for socket in bound.kept
        if socket.listening
    }
    found = {
        f"{format_address(address)} port {port} has a queue of {limit:,}"
        for address, port, used, limit in queues
        if limit > most or (limit == most and used >= CROWDED * most)
    }
    return f"net.core.somaxconn = {most}; {shortened(sorted(found))}" if found else None


SOMAXCONN_BELOW_BACKLOG = Finding(
    "somaxconn_below_backlog",
    Severity.WARNING,
    "somaxconn seems to limit the accept queue of a service: raise it, then restart the service.",
    somaxconn_below_backlog,
    about=(LISTEN_QUEUE,),
)


def accept_queue_was_full(evidence: Evidence) -> str | None:
    """Find a queue that was nearly full in the last minute, if none is now.

    The alert waits for a queue that stays full; a counter shows what a full one drops.
    """
    peak, high = evidence.fullest_queue(), KINDS[LISTEN_QUEUE].warning
    if peak.ratio_1m < high or peak.ratio >= high:
        return None
    return f"{peak.name} was {percent(peak.ratio_1m)} full within the last minute"


ACCEPT_QUEUE_WAS_FULL = Finding(
    "accept_queue_was_full",
    Severity.CALM,
    "An accept queue was nearly full for a moment; a longer burst would be dropped. Check the"
    " backlog and the workers of the service.",
    accept_queue_was_full,
    exported=False,
    about=(LISTEN_QUEUE,),
)


def conntrack_time_wait_shortened(evidence: Evidence) -> str | None:
    """Find a timeout below TCP's own: late segments are invalid, and NAT reuses ports too early."""
    name = "nf_conntrack_tcp_timeout_time_wait"
    seconds = evidence.sysctl(name)
    if seconds is None or seconds >= TCP_TIMEWAIT_LEN or not _tracks(evidence):
        return None
    return f"net.netfilter.{name} = {seconds}"


CONNTRACK_TIME_WAIT_SHORTENED = Finding(
    "conntrack_time_wait_shortened",
    Severity.CALM,
    "conntrack forgets connections before TCP does, and this does not shorten TIME_WAIT:"
    " restore 120.",
    conntrack_time_wait_shortened,
)


def conntrack_established_below_keepalive(evidence: Evidence) -> str | None:
    """Find idle connections forgotten before their first keepalive (RFC 5382, section 5).

    An equal timeout is no better: the entry is gone when the probe comes.
    """
    name = "nf_conntrack_tcp_timeout_established"
    seconds, keepalive = evidence.sysctl(name), evidence.sysctl("tcp_keepalive_time")
    if seconds is None or keepalive is None or seconds > keepalive or not _tracks(evidence):
        return None
    return f"net.netfilter.{name} = {seconds}, net.ipv4.tcp_keepalive_time = {keepalive}"


CONNTRACK_ESTABLISHED_BELOW_KEEPALIVE = Finding(
    "conntrack_established_below_keepalive",
    Severity.WARNING,
    "conntrack forgets idle connections before their first keepalive: raise its timeout, or"
    " lower tcp_keepalive_time.",
    conntrack_established_below_keepalive,
)


def conntrack_established_too_long(evidence: Evidence) -> str | None:
    """Find a crowded table where dead connections stay for days: five by default."""
    seconds = evidence.sysctl("nf_conntrack_tcp_timeout_established")
    for resource in evidence.resources.get():
        if resource.name != CONNTRACK_ENTRIES or seconds is None or seconds <= DAY:
            continue
        if resource.used >= CROWDED * resource.limit:
            full = f"{resource.used:,} of {resource.limit:,} entries"
            return f"net.netfilter.nf_conntrack_tcp_timeout_established = {seconds}, {full}"
    return None


CONNTRACK_ESTABLISHED_TOO_LONG = Finding(
    "conntrack_established_too_long",
    Severity.WARNING,
    "Dead connections stay in a crowded conntrack table for days: lower the timeout of"
    " established connections to one day.",
    conntrack_established_too_long,
    about=(CONNTRACK_ENTRIES,),
)


def _tracks(evidence: Evidence) -> bool:
    """Tell whether any connection is tracked: the timeouts exist even where none is."""
    return any(r.name == CONNTRACK_ENTRIES and r.used for r in evidence.resources.get())
