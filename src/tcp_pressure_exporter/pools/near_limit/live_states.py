"""What a pool's live connections are waiting for: the state that fills it decides what helps.

Source: include/net/tcp_states.h; net/ipv4/tcp.c, tcp_close, for the states without an owner.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.pools.usage import Usage

OPEN = "open"
SYN_SENT = "syn_sent"
CLOSE_WAIT = "close_wait"
FIN_UNANSWERED = "fin_unanswered"  # FIN_WAIT1, LAST_ACK, CLOSING
FIN_WAIT2_ORPHAN = "fin_wait2_orphan"  # no application holds it any more
FIN_WAIT2_OWNED = "fin_wait2_owned"  # shutdown(), not close()

_FIN_WAIT2 = 5
_NAMES = {
    2: SYN_SENT,
    4: FIN_UNANSWERED,
    8: CLOSE_WAIT,
    9: FIN_UNANSWERED,
    11: FIN_UNANSWERED,
}


class StateCount(NamedTuple):
    """How many of a pool's live sockets are in one of this module's states."""

    state: str
    sockets: int


def live_state(state: int, owner_id: SocketId) -> str:
    """Return this module's state for one of the kernel's; an orphan has no inode."""
    if state == _FIN_WAIT2:
        return FIN_WAIT2_OWNED if owner_id.inode else FIN_WAIT2_ORPHAN
    return _NAMES.get(state, OPEN)


def counted_states(states: Iterable[str]) -> tuple[StateCount, ...]:
    """Return how many there are in each state, the most frequent first."""
    return tuple(StateCount(*counted) for counted in Counter(states).most_common())


def filling_state(usage: Usage, states: Sequence[StateCount]) -> StateCount | None:
    """Return the state of most live sockets; None if unknown, or if other ports fill the pool.

    states: the most frequent first.
    """
    if not states or usage.mostly_time_wait or usage.mostly_blocked:
        return None
    return states[0]
