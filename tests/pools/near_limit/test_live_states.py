"""The state that fills a pool, by the kernel's numbers in include/net/tcp_states.h."""

import pytest

from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.pools.near_limit.live_states import (
    StateCount,
    counted_states,
    filling_state,
    live_state,
)
from tcp_pressure_exporter.pools.usage import Usage

OWNED, ORPHAN = SocketId(4711, None), SocketId(0, None)
STATES = (StateCount("syn_sent", 6), StateCount("open", 4))


@pytest.mark.parametrize(
    ("state", "owner_id", "expected"),
    [
        (1, OWNED, "open"),
        (2, OWNED, "syn_sent"),
        (3, OWNED, "open"),
        (4, ORPHAN, "fin_unanswered"),
        (5, OWNED, "fin_wait2_owned"),
        (5, ORPHAN, "fin_wait2_orphan"),
        (8, OWNED, "close_wait"),
        (9, ORPHAN, "fin_unanswered"),
        (11, ORPHAN, "fin_unanswered"),
    ],
)
def test_live_state(state: int, owner_id: SocketId, expected: str) -> None:
    """Each state is named by what it waits for; FIN_WAIT2 without an inode has no owner."""
    assert live_state(state, owner_id) == expected


def test_counted_states() -> None:
    """The most frequent state comes first."""
    assert counted_states(["open", "syn_sent", "syn_sent"]) == (
        StateCount("syn_sent", 2),
        StateCount("open", 1),
    )
    assert counted_states([]) == ()


def usage(time_wait: int, blocked: int = 0) -> Usage:
    return Usage(used=10, limit=10, time_wait=time_wait, reclaimable=0, blocked=blocked)


def test_filling_state() -> None:
    """Live sockets fill a pool if neither TIME_WAIT nor bound ports have most of it."""
    assert filling_state(usage(0), STATES) == StateCount("syn_sent", 6)
    assert filling_state(usage(0), ()) is None
    assert filling_state(usage(9), STATES) is None
    assert filling_state(usage(0, blocked=9), STATES) is None
