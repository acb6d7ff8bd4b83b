"""What was seen of the daemon under churn, and whether it agrees."""

import re
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

SERIES = re.compile(r"^(tcp_pressure_\w+)(?:{(.*)})? (\S+)$", re.MULTILINE)
ROOM_SECONDS = 0.15  # the load tool and the kernel are read every 0.1 s and 0.05 s


class Load(NamedTuple):
    """What the load tool had done at a moment of CLOCK_MONOTONIC."""

    moment: float
    connections: int
    time_waits: int


class Kernel(NamedTuple):
    """TIME_WAIT sockets at a moment, as the kernel counts them itself."""

    moment: float
    time_wait: int


class Ss(NamedTuple):
    """TIME_WAIT sockets as ss lists them, between two moments."""

    began: float
    time_wait: int
    ended: float


class Seen(NamedTuple):
    """A sample of the daemon. moment: when it began; seconds: how long it took.

    sockets: in all states but listening; in_pools: ports that sockets use in all pools, listed or
    not; entered: the counters of closes.
    """

    moment: float
    seconds: float
    sockets: int
    in_pools: int
    time_wait: int
    entered: int


@dataclass
class Record:
    """Everything that was seen in one run."""

    loads: list[Load] = field(default_factory=list)
    kernel: list[Kernel] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    ss: list[Ss] = field(default_factory=list)
    before: Seen | None = None
    settled: Seen | None = None
    settled_ss: int = 0
    log: str = ""

    def entered_between(self, began: float, ended: float) -> int:
        """Return how many connections went into TIME_WAIT, as the load tool counts them."""
        inside = [one.time_waits for one in self.loads if began <= one.moment <= ended]
        return max(inside) - min(inside) if inside else 0

    def kernel_between(self, began: float, ended: float) -> tuple[int, int]:
        """Return the least and the most that the kernel counted."""
        inside = [one.time_wait for one in self.kernel if began <= one.moment <= ended]
        assert inside, "the kernel was not asked meanwhile"
        return min(inside), max(inside)


def seen_on(page: str) -> Seen:
    """Return what a page shows."""
    rows = [(name, labels or "", float(value)) for name, labels, value in SERIES.findall(page)]

    def total(name: str, without: str = "\n") -> float:
        return sum(value for n, labels, value in rows if n == name and without not in labels)

    started = total("tcp_pressure_sample_timestamp_seconds") - time.time() + time.monotonic()
    source = 'direction="source"'
    # A listener inside the range, here the exporter's own, takes its port from each outbound pool.
    listeners = total("tcp_pressure_listeners_in_local_port_range")
    pools = sum(v for n, labels, v in rows if n == "tcp_pressure_pools" and "outbound" in labels)
    return Seen(
        moment=started,
        seconds=total("tcp_pressure_collector_duration_seconds"),
        sockets=round(total("tcp_pressure_sockets", 'state="listen"')),
        in_pools=round(
            total("tcp_pressure_pool_ports_used", source)
            + total("tcp_pressure_unlisted_pool_ports_used", source)
            + total("tcp_pressure_pool_overflow_sockets", source)
            - listeners * pools
        ),
        time_wait=round(
            sum(
                value
                for name, labels, value in rows
                if name == "tcp_pressure_sockets" and 'state="time_wait"' in labels
            )
        ),
        entered=round(total("tcp_pressure_time_wait_entered_total")),
    )


def figures_of(record: Record) -> dict[str, float]:
    """Return what is kept of a run."""
    assert record.settled is not None
    assert record.before is not None
    last = record.loads[-1]
    return {
        "connections": last.connections,
        "most_time_wait": max(seen.time_wait for seen in record.seen),
        "longest_sample_seconds": round(max(seen.seconds for seen in record.seen), 2),
        "closes_counted": record.settled.entered - record.before.entered,
        "closes": last.time_waits,
    }


def check(record: Record) -> Iterator[str]:
    """Yield what agrees, and how well; raises AssertionError if anything does not."""
    first, last = record.loads[0], record.loads[-1]
    seconds = last.moment - first.moment
    assert record.seen, "no sample was seen"
    assert "level=error" not in record.log, record.log
    yield (
        f"{seconds:.0f} s, {last.connections:,} connections,"
        f" {(last.connections - first.connections) / seconds:,.0f} per second;"
        f" {len(record.seen)} samples, the longest {max(s.seconds for s in record.seen):.2f} s"
    )
    for seen in record.seen:
        assert seen.sockets == seen.in_pools, seen
    yield f"the sums over pools were the totals in all {len(record.seen)} samples"
    yield f"TIME_WAIT, daemon against kernel: {_worst_of_samples(record)}"
    yield f"TIME_WAIT, daemon against ss: {_worst_of_ss(record)}"
    yield _settled(record, last)


def _worst_of_samples(record: Record) -> str:
    worst, allowed_then = 0, 0
    for seen in record.seen:
        began, ended = seen.moment - ROOM_SECONDS, seen.moment + seen.seconds + ROOM_SECONDS
        if ended > record.kernel[-1].moment or began < record.kernel[0].moment:
            continue
        low, high = record.kernel_between(began, ended)
        # Sockets that came during the dump may be in it or not, and so may as many that went.
        allowed = 2 * record.entered_between(began, ended) + 10
        off = max(low - seen.time_wait, seen.time_wait - high, 0)
        assert off <= allowed, (seen, low, high, allowed)
        if off > worst:
            worst, allowed_then = off, allowed
    most = max(seen.time_wait for seen in record.seen)
    return f"at most {worst:,} off, where a dump's skew allows {allowed_then:,}; up to {most:,}"


def _worst_of_ss(record: Record) -> str:
    worst = 0
    for one in record.ss:
        seen = min(record.seen, key=lambda seen: abs(seen.moment - one.began))
        began = min(one.began, seen.moment) - ROOM_SECONDS
        ended = max(one.ended, seen.moment + seen.seconds) + ROOM_SECONDS
        off = abs(one.time_wait - seen.time_wait)
        assert off <= 2 * record.entered_between(began, ended) + 10, (one, seen)
        worst = max(worst, off)
    return f"at most {worst:,} apart in {len(record.ss)} counts, moments between them"


def _settled(record: Record, last: Load) -> str:
    assert record.settled is not None
    assert record.before is not None
    counted = record.settled.entered - record.before.entered
    # Exact if the exporter gets a CPU within half a second (facts/tally.py, Edge).
    assert abs(counted - last.time_waits) <= last.time_waits // 100 + 10, (counted, last)
    gone = abs(record.settled_ss - record.settled.time_wait)
    assert gone <= last.time_waits // 20, (record.settled_ss, record.settled)
    return (
        f"closes counted: {counted:,} of {last.time_waits:,};"
        f" at the end {record.settled.time_wait:,} in TIME_WAIT, ss {record.settled_ss:,}"
    )
