"""Whether a walk of the kernel's table and a dump by netlink agree.

If a field moved in the kernel, it would be misread without any failure. So netlink is asked now and
then, between two walks. Its numbers must lie between those of the walks, or outside them by no more
than the table changed in the meantime. On a quiet table they must be equal.
"""

from array import array
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket
from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.facts.tally import OtherPools, PoolCount, PoolTally, SocketTally
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets

CHECK_SHARE = 0.0002  # of one CPU, for a dump and two walks
CHECK_MAX_AGE = 3600.0  # seconds
ATTEMPTS = 3  # a changing table can differ by chance

DIRECTIONS = ("outbound", "inbound", "privileged", "explicit")
# The kernel's counters that rise when a connection enters the table or leaves it.
EVENTS = (
    *("ActiveOpens", "PassiveOpens", "AttemptFails", "EstabResets"),
    *("TW", "TWRecycled", "TWKilled"),
)
WAYS = 2  # a connection that changes leaves one state for another, and counts in both
NOISE = 50  # in a changing table, one in this many entries may have come and gone unseen
SECOND_MS = 1000  # ages are whole seconds


@dataclass(frozen=True, slots=True)
class Looked:
    """The parts of a tally that are compared.

    counts: by name. ages: the total seconds in TIME_WAIT of all entries, the number of entries, and
    how many seconds the histograms cover. close_wait: details of single sockets in CLOSE_WAIT, by
    their ends.
    """

    counts: Mapping[str, int]
    ages: tuple[int, int, int]
    held: int
    close_wait: Mapping[bytes, tuple[object, ...]]


class Meanwhile(NamedTuple):
    """What passed between the first walk and the second: ms, and EVENTS."""

    milliseconds: int
    events: int


def looked_at(tally: SocketTally) -> Looked:
    """Return the parts of a tally that are compared."""
    pools = [getattr(tally, direction) for direction in DIRECTIONS]
    counts = dict(_counts(tally))
    for direction, found in zip(DIRECTIONS, pools, strict=True):
        counts |= {f"{direction} {name}": count for name, count in _pool_counts(found)}
    ages = [row.ages for found in pools for row in (*found.rows.values(), found.others)]
    return Looked(
        counts=counts,
        ages=_total(ages),
        held=tally.held,
        close_wait={one.ends: _told(one) for one in close_wait_sockets(tally.kept)},
    )


def _counts(tally: SocketTally) -> Iterator[tuple[str, int]]:
    for (v4, state), sockets in tally.states.items():
        yield f"{'ipv4' if v4 else 'ipv6'} {STATE_NAMES[state]}", sockets
    yield from tally.close_wait._asdict().items()


def _pool_counts(tally: PoolTally) -> Iterator[tuple[str, int]]:
    every: list[PoolCount | OtherPools] = [*tally.rows.values(), tally.others]
    yield "pools", len(tally.rows) + tally.others.pools
    yield "ports", sum(pool.ports for pool in every)
    for key, row in tally.rows.items():
        yield f"pool {key}", row.ports


def _total(histograms: list[bytes]) -> tuple[int, int, int]:
    seconds = entries = 0
    for histogram in histograms:
        for age, count in enumerate(array("I", histogram)):
            seconds += age * count
            entries += count
    return seconds, entries, max(map(len, histograms)) // 4


def _told(socket: CloseWaitSocket) -> tuple[object, ...]:
    return socket.cause, socket.owner_id, socket.accepted


def difference(first: Looked, dumped: Looked, second: Looked, meanwhile: Meanwhile) -> str | None:
    """Return how netlink's dump differs from two walks; None if churn explains it."""
    changes = meanwhile.events + sum(
        abs(first.counts.get(name, 0) - second.counts.get(name, 0)) for name in _states(first)
    )
    return (
        _count_difference(first, dumped, second, changes)
        or _held_difference(first, dumped, second, changes)
        or _age_difference(dumped, second, meanwhile, changes)
        or _close_wait_difference(first, dumped, second, changes)
    )


def _states(looked: Looked) -> list[str]:
    return [name for name in looked.counts if name.startswith(("ipv4 ", "ipv6 "))]


def _allowed(changes: int, value: int) -> int:
    return WAYS * changes + (value // NOISE if changes else 0)


def _count_difference(first: Looked, dumped: Looked, second: Looked, changes: int) -> str | None:
    # A pool may have no row if too many pools of its size compete for one.
    fixed = (name for name in dumped.counts if " pool " not in name)
    rows = (dumped.counts.keys() & first.counts.keys() & second.counts.keys()) - set(fixed)
    for name in (*(name for name in dumped.counts if " pool " not in name), *sorted(rows)):
        walked = (first.counts.get(name, 0), second.counts.get(name, 0))
        told = dumped.counts[name]
        allowed = _allowed(changes, told)
        if not min(walked) - allowed <= told <= max(walked) + allowed:
            return f"{name.partition(' pool ')[0]}: {told} by netlink, {walked[1]} by BPF"
    return None


def _held_difference(first: Looked, dumped: Looked, second: Looked, changes: int) -> str | None:
    """Compare the local ports: where both walks agree, the dump must agree, too."""
    stable = ~(first.held ^ second.held)
    different = ((dumped.held ^ second.held) & stable & ((1 << 65536) - 1)).bit_count()
    if different > _allowed(changes, dumped.held.bit_count()):
        return f"local ports: {different} told by one alone"
    return None


def _age_difference(
    dumped: Looked, second: Looked, meanwhile: Meanwhile, changes: int
) -> str | None:
    """Compare the mean ages: elapsed time, a second of rounding and churn can separate them."""
    dumped_seconds, dumped_entries, oldest = dumped.ages
    walked_seconds, entries, _oldest = second.ages
    if not entries or not dumped_entries:
        return None
    means = (1000 * dumped_seconds / dumped_entries, 1000 * walked_seconds / entries)
    others = oldest * SECOND_MS * _allowed(changes, entries) / entries
    allowed = meanwhile.milliseconds + SECOND_MS + others
    if abs(means[0] - means[1]) > allowed:
        return f"mean age in TIME_WAIT: {means[0]:.0f} ms by netlink, {means[1]:.0f} by BPF"
    return None


def _close_wait_difference(
    first: Looked, dumped: Looked, second: Looked, changes: int
) -> str | None:
    """Compare the sockets on which both walks agree."""
    stable = [
        ends for ends, told in second.close_wait.items() if first.close_wait.get(ends) == told
    ]
    others = [
        ends
        for ends in stable
        if ends in dumped.close_wait and dumped.close_wait[ends] != second.close_wait[ends]
    ]
    if len(others) > _allowed(changes, len(stable)):
        return f"sockets in CLOSE_WAIT: {len(others)} of {len(stable)} are told otherwise"
    return None
