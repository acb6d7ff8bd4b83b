"""How bad something is; the value is also the exit code of the report."""

from enum import IntEnum
from typing import NamedTuple

from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE


class Severity(IntEnum):
    """calm: nothing to do now. warning: by daylight. critical: at once."""

    CALM = 0
    WARNING = 1
    CRITICAL = 2


NEVER = float("inf")
LISTEN_QUEUE = "listen_queue"
SOON = 60.0  # seconds to exhaustion: less time than anything but a machine needs to help


class Threshold(NamedTuple):
    """Ratios of used to limit."""

    warning: float
    critical: float


# The ratios of deploy/prometheus/rules where there is an alert.
THRESHOLDS = {
    OUTBOUND: Threshold(0.70, 0.90),  # connect() slows down from one half on, fails at 1
    SOURCE: Threshold(0.80, NEVER),
    INBOUND: Threshold(0.90, NEVER),  # the remote may be able to reuse what is in TIME_WAIT
    NAT: Threshold(0.75, 0.85),  # from 0.84 on the kernel's bounded search misses free ports
    LISTEN_QUEUE: Threshold(0.80, NEVER),  # the next burst is dropped
    "time_wait_buckets": Threshold(0.80, 1.0),  # at 1 connections close without TIME_WAIT
    "orphans": Threshold(0.25, 0.50),  # the kernel counts a suspicious one up to four times
    "memory_bytes": Threshold(0.80, 0.95),  # under pressure already before the first
    "conntrack_entries": Threshold(0.75, 0.90),  # at 1 new connections are dropped
}


def severity_of(kind: str, ratio: float, seconds_left: float | None) -> Severity:
    """Return how bad it is that a resource of a kind is used by that ratio, for so much longer."""
    threshold = THRESHOLDS[kind]
    if ratio >= threshold.critical or (seconds_left is not None and seconds_left < SOON):
        return Severity.CRITICAL
    return Severity.WARNING if ratio >= threshold.warning else Severity.CALM
