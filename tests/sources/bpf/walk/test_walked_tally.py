"""A walk of the kernel's table and a dump by netlink count the same sockets the same."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.facts.tally import MAX_KEPT, SocketTally, TallyRules
from tcp_pressure_exporter.sources.bpf.walk.found import BLOCK_BYTES, HEAD, Found, parse_block
from tcp_pressure_exporter.sources.netlink.entries import (
    close_wait_sockets,
    parse_close_wait_ages,
)
from tests.sources.bpf.walk.walked import CGROUP, connection, found, tally_walk
from tests.sources.counting.counting import EVERYWHERE, NEVER, ON_LOOPBACK, rules, tally
from tests.support.messages.close_wait_kinds import KINDS, Kind
from tests.support.messages.datagrams import (
    CLOSE_WAIT,
    ESTABLISHED,
    GETSOCK,
    SEQUENCE,
    TIME_WAIT,
    Entry,
    attribute,
    done,
    message,
)
from tests.support.messages.socket_entries import entries, port_sets, sixteen_bytes

INET_DIAG_INFO = 2  # include/uapi/linux/inet_diag.h
KEPT = replace(rules(), kept_states=1 << CLOSE_WAIT)
RULES = st.builds(
    rules, port_sets(), port_sets(), port_sets(), st.sampled_from([NEVER, EVERYWHERE, ON_LOOPBACK])
)
ONE = Entry(ESTABLISHED, "10.0.0.2", 40000, "10.0.0.9", 443)
WAITING = replace(ONE, state=TIME_WAIT, expires=59_000)


@given(entries(), RULES, st.integers(1, 40))
def test_as_netlink(sockets: list[Entry], by: TallyRules, per_block: int) -> None:
    """Whatever the sockets, the rules and the blocks, both sources give the same aggregates."""
    blocks = [sockets[at : at + per_block] for at in range(0, len(sockets), per_block)]
    by = replace(by, kept_states=1 << CLOSE_WAIT)
    walked = tally_walk([found(block, number) for number, block in enumerate(blocks)], by)
    dumped = tally(sockets, by)
    assert without_names(walked) == without_names(dumped)
    assert nameless(walked) == nameless(dumped)


def without_names(counted: SocketTally) -> SocketTally:
    """Return what depends neither on how a source names its sockets nor on when it was asked."""
    return replace(counted, edge=counted.edge._replace(ended_ms=0, cookies=b"", by=""), kept=())


def nameless(counted: SocketTally) -> list[CloseWaitSocket]:
    sockets = close_wait_sockets(counted.kept)
    return [
        socket._replace(cookie=b"", owner_id=SocketId(socket.owner_id.inode, None))
        for socket in sockets
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_close_wait(kind: Kind) -> None:
    """A walk tells all that netlink does about CLOSE_WAIT: cause, owner, ends and silence."""
    entry = replace(kind.entry(cookie=77), inode=5, expires=1234)
    counted = tally_walk([found([ONE, entry])], KEPT)
    assert counted.close_wait._asdict()[kind.cause] == sum(counted.close_wait) == 1
    (socket,) = close_wait_sockets(counted.kept)
    assert (socket.cause, socket.owner_id) == (kind.cause, SocketId(5, CGROUP))
    assert (socket.local_address, socket.local_port) == (
        sixteen_bytes(entry.local),
        entry.local_port,
    )
    assert int.from_bytes(socket.cookie, "little") == 77


def test_too_many_in_close_wait() -> None:
    """Sockets beyond the number kept still count for their cause."""
    counted = tally_walk([found([KINDS[0].entry()] * 1500, block) for block in range(3)], KEPT)
    assert (len(counted.kept), counted.kept_overflow) == (MAX_KEPT, 4500 - MAX_KEPT)
    assert sum(counted.close_wait) == 4500


@pytest.mark.parametrize(("hz", "ticks", "seconds"), [(250, 14_750, 59), (1000, 59_000, 59)])
def test_ticks(hz: int, ticks: int, seconds: int) -> None:
    """The time left in TIME_WAIT is in ticks of the kernel's clock: 1 ÷ HZ each."""
    entry = replace(ONE, state=TIME_WAIT, expires=ticks)
    counted = tally_walk([found([entry])], rules(), hz=hz)
    assert counted.longest_left_ms == seconds * 1000


def test_rounded_up() -> None:
    """A part of a millisecond counts as one, as in the kernel's own messages (HZ=300)."""
    entry = replace(ONE, state=TIME_WAIT, expires=100)
    assert tally_walk([found([entry])], rules(), hz=300).longest_left_ms == 334


def test_port_is_gone() -> None:
    """A socket without a port was closed after the walk found it: it counts nowhere."""
    counted = tally_walk([found([ONE, replace(ONE, local_port=0)])], rules())
    assert sum(counted.states.values()) == 1


WRONG = {
    "state 12 is unknown": connection(replace(ONE, state=12)),
    "state 0 is unknown": connection(replace(ONE, state=0)),
    "detail 0 of 0": connection(replace(ONE, state=CLOSE_WAIT)),
    "detail 7 of 0": connection(replace(ONE, state=CLOSE_WAIT), 7),
}


@pytest.mark.parametrize("reason", WRONG)
def test_wrong_records(reason: str) -> None:
    """A record that makes no sense fails the walk: a field in the kernel may have moved."""
    with pytest.raises(SourceError, match=f"BPF walk: {reason}"):
        tally_walk([Found(0, 0, WRONG[reason])], rules())


def test_wrong_block() -> None:
    """A block that claims to hold more than fits is not read."""
    for counts in ((8193, 0), (0, 2049)):
        packed = HEAD.pack(262_144, *counts, 0).ljust(BLOCK_BYTES, b"\0")
        with pytest.raises(SourceError, match="BPF walk: "):
            parse_block(packed, (0, 0))


def test_silence() -> None:
    """The peer's silence is stored where sock_diag has a timer's expiry."""
    entry = replace(KINDS[0].entry(cookie=3), expires=2500)
    (kept,) = tally_walk([found([entry])], KEPT).kept
    info = struct_tcp_info(2500)
    dump = [message(GETSOCK, kept + attribute(INET_DIAG_INFO, info)), done()]
    (age,) = parse_close_wait_ages(dump, SEQUENCE).values()
    assert age == 2.5
    assert int.from_bytes(kept[52:56], "little") == 2500  # idiag_expires


def struct_tcp_info(last_ack_recv_ms: int) -> bytes:
    """Return the start of struct tcp_info, up to tcpi_last_ack_recv."""
    return bytes(56) + last_ack_recv_ms.to_bytes(4, "little")
