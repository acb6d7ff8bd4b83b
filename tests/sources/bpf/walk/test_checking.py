"""A walk compared with a dump: differences from churn pass, those from a moved field do not."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest

from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk.checking import Meanwhile, difference, looked_at
from tests.sources.bpf.walk.walked import found, tally_walk
from tests.sources.counting.counting import rules
from tests.support.messages.close_wait_kinds import KINDS
from tests.support.messages.datagrams import (
    CLOSE_WAIT,
    ESTABLISHED,
    FIN_WAIT2,
    TIME_WAIT,
    Entry,
)

RULES: TallyRules = replace(rules(usable=range(40000, 50000)), kept_states=1 << CLOSE_WAIT)
QUIET = Meanwhile(20, 0)


def sockets() -> list[Entry]:
    """Return a host with 300 live connections, 200 in TIME_WAIT and some in CLOSE_WAIT."""
    live = [Entry(ESTABLISHED, "10.0.0.2", 40000 + n, f"10.0.1.{n % 3}", 443) for n in range(300)]
    waiting = [
        Entry(TIME_WAIT, "10.0.0.2", 41000 + n, "10.0.1.1", 443, expires=60_000 - 200 * n)
        for n in range(200)
    ]
    stuck = [replace(kind.entry(42000 + n, cookie=n), inode=n + 1) for n, kind in enumerate(KINDS)]
    return [*live, *waiting, *stuck]


def count(entries: list[Entry]) -> SocketTally:
    return tally_walk([found(entries)], RULES)


def compare(
    walked: list[Entry],
    dumped: list[Entry],
    second: list[Entry] | None = None,
    meanwhile: Meanwhile = QUIET,
) -> str | None:
    first, told = looked_at(count(walked)), looked_at(count(dumped))
    return difference(first, told, looked_at(count(second or walked)), meanwhile)


def changed(change: Callable[[Entry], Entry]) -> list[Entry]:
    return [change(entry) for entry in sockets()]


def test_same() -> None:
    """On a quiet table both agree."""
    assert compare(sockets(), sockets()) is None


@pytest.mark.parametrize("index", [0, 299, 499, -1])
def test_one_socket(index: int) -> None:
    """On a quiet table, even one socket that only netlink or only a walk tells is too many."""
    fewer = sockets()
    del fewer[index]
    assert compare(fewer, sockets()) is not None
    assert compare(sockets(), fewer) is not None


def test_one_remote_address() -> None:
    """Sockets that differ only in the remote port are told apart, in whatever order they come."""
    stuck = KINDS[0].entry(42000)
    pair = [replace(stuck, remote_port=443 + n, inode=n + 1) for n in range(2)]
    assert compare(pair, pair[::-1]) is None
    swapped = [replace(one, inode=3 - one.inode) for one in pair]
    assert compare(pair, swapped) == "sockets in CLOSE_WAIT: 2 of 2 are told otherwise"


WRONG: dict[str, Callable[[Entry], Entry]] = {
    "ipv4 established: 300 by netlink, 0 by BPF": lambda entry: replace(
        entry, state=FIN_WAIT2 if entry.state == ESTABLISHED else entry.state
    ),
    "outbound pools: ": lambda entry: replace(entry, remote_port=entry.local_port),
    "local ports: ": lambda entry: replace(entry, local_port=entry.local_port ^ 0x200),
    "mean age in TIME_WAIT: 19500 ms by netlink, 49500": lambda entry: replace(
        entry, expires=entry.expires // 4
    ),
    "sockets in CLOSE_WAIT: ": lambda entry: replace(entry, inode=entry.inode ^ 0x55),
    "eof_unread: ": lambda entry: replace(entry, rqueue=1),
    "outbound": lambda entry: replace(entry, interface=entry.local_port & 1),
}


@pytest.mark.parametrize("reason", WRONG)
def test_moved_field(reason: str) -> None:
    """If a field is read from the wrong place, the difference is found and named."""
    told = compare(changed(WRONG[reason]), sockets())
    assert told is not None
    assert told.startswith(reason)


def replaced(entries: list[Entry], changes: int) -> list[Entry]:
    """Return the table after some connections have come and others have gone."""
    come = [Entry(ESTABLISHED, "10.0.0.2", 43000 + n, "10.0.1.7", 443) for n in range(changes)]
    return [*entries[changes:], *come]


def test_churn() -> None:
    """A connection that comes or goes during the check can be seen by one source alone."""
    busy = partial(compare, sockets(), replaced(sockets(), 9), replaced(sockets(), 20))
    assert busy(Meanwhile(50, 40)) is None


def test_churn_explains_no_moved_field() -> None:
    """Churn explains only a difference of its own size: a misread table still differs."""
    for reason in ("ipv4 established", "outbound pools", "mean age", "local ports"):
        change = next(change for name, change in WRONG.items() if name.startswith(reason))
        wrong = changed(change)
        told = compare(wrong, replaced(sockets(), 3), replaced(wrong, 3), Meanwhile(50, 6))
        assert told is not None, reason


def test_ages_that_passed() -> None:
    """An age can grow by the time that passed, and differ by a second of rounding."""
    older = [
        replace(e, expires=max(e.expires - 900, 0)) if e.state == TIME_WAIT else e
        for e in sockets()
    ]
    assert compare(older, sockets()) is None
    much_older = [
        replace(e, expires=max(e.expires - 3000, 0)) if e.state == TIME_WAIT else e
        for e in sockets()
    ]
    assert compare(much_older, sockets()) is not None
    assert compare(much_older, sockets(), meanwhile=Meanwhile(3000, 0)) is None
