"""Findings about what the kernel drops or refuses now: counters that rose, each with its check.

An alert counts the same over minutes (deploy/prometheus/rules): each finding has the severity of
its alert, and the rate from which it counts. The counters are metrics; these findings are not.
"""

from collections.abc import Collection
from functools import partial

from tcp_pressure_exporter.figures import period
from tcp_pressure_exporter.findings.evidence import Evidence
from tcp_pressure_exporter.findings.finding import Finding
from tcp_pressure_exporter.findings.kinds import (
    CONNTRACK_ENTRIES,
    LISTEN_QUEUE,
    TIME_WAIT_BUCKETS,
    Severity,
)
from tcp_pressure_exporter.findings.protection import REJECTIONS
from tcp_pressure_exporter.pools.directions import INBOUND, NAT

OVERFLOWS = ("ListenOverflows",)
UNPROTECTED = ("TCPTimeWaitOverflow",)
DROPS = ("nf_conntrack_drop", "nf_conntrack_early_drop")
FAILED_INSERTS = ("nf_conntrack_insert_failed",)
DROP_EVENTS = (*OVERFLOWS, *UNPROTECTED, *DROPS, *FAILED_INSERTS)

ANY = 0.0  # per second
MORE_THAN_CHANCE = 0.1  # per second: when packets race for one entry, one is lost now and then
SHORTEST = 10.0  # seconds: over less, a single event would be a rate


def risen(events: Collection[str], rate: float, evidence: Evidence) -> str | None:
    """Find events that happened lately at more than `rate` per second."""
    rises = evidence.rises.get()
    amounts = {event: amount for event in events if (amount := rises.risen(event))}
    if sum(amounts.values()) <= rate * max(rises.seconds, SHORTEST):
        return None
    told = ", ".join(f"{event} rose by {amount:,}" for event, amount in amounts.items())
    return f"{told} in the last {period(rises.seconds)}"


ACCEPT_QUEUE_OVERFLOWS = Finding(
    "accept_queue_overflows",
    Severity.WARNING,
    "Connections are dropped because an accept queue is full: the service accepts too slowly,"
    " or its listen backlog is too short.",
    partial(risen, OVERFLOWS, ANY),
    exported=False,
    about=(LISTEN_QUEUE,),
    restates=True,
)

TIME_WAIT_OVERFLOWS = Finding(
    "time_wait_overflows",
    Severity.CRITICAL,
    "Connections close without TIME_WAIT, so the pools do not count their ports: close fewer"
    " connections, or raise tcp_max_tw_buckets.",
    partial(risen, UNPROTECTED, ANY),
    exported=False,
    about=(TIME_WAIT_BUCKETS,),
    restates=True,
)

TIME_WAIT_REJECTIONS = Finding(
    "time_wait_rejections",
    Severity.WARNING,
    "TIME_WAIT rejects connections from a remote that reuses a port too soon: make it keep"
    " connections open, or give it more addresses.",
    partial(risen, REJECTIONS, MORE_THAN_CHANCE),
    exported=False,
    about=(INBOUND,),
    restates=True,
)

CONNTRACK_DROPS = Finding(
    "conntrack_drops",
    Severity.CRITICAL,
    "conntrack drops new connections because its table is full or NAT finds no free port:"
    " raise nf_conntrack_max, or translate to more ports or addresses.",
    partial(risen, DROPS, MORE_THAN_CHANCE),
    exported=False,
    about=(CONNTRACK_ENTRIES, NAT),
    restates=True,
)

CONNTRACK_INSERTS_FAILED = Finding(
    "conntrack_inserts_failed",
    Severity.WARNING,
    "conntrack cannot add connections (insert_failed): NAT finds no free port, or packets"
    " race. Translate to more ports or addresses.",
    partial(risen, FAILED_INSERTS, MORE_THAN_CHANCE),
    exported=False,
    about=(NAT, CONNTRACK_ENTRIES),
    restates=True,
)
