"""Why a socket is in CLOSE_WAIT: the peer has closed, and this end has not yet.

The timer and the queues in its entry tell what it is waiting for. Source: net/ipv4/inet_diag.c
(inet_sk_diag_fill: timer and retransmits) and net/ipv4/tcp_diag.c (tcp_diag_get_info: the queues,
where a FIN that nobody has read counts as one byte).
"""

from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import SocketId

TIMER_RETRANSMIT = 1
TIMER_WINDOW_PROBE = 4


class CloseWaitCounts(NamedTuple):
    """Sockets in CLOSE_WAIT by cause.

    eof_unread: the application has not yet read up to the end of what the peer sent.
    not_closed: it has read all of that, but neither sends nor closes.
    peer_gone: its data or probes are sent again and again without an answer (tcp_retries2).
    window_closed: the peer answers but does not take its data.
    """

    eof_unread: int = 0
    not_closed: int = 0
    peer_gone: int = 0
    window_closed: int = 0


CAUSES = CloseWaitCounts._fields


class CloseWaitSocket(NamedTuple):
    """One socket in CLOSE_WAIT; `owner_id` finds its owner.

    cookie: its source's name for it, from dump to dump. ends: both ends and the device that it is
    bound to, packed; no other socket of its namespace has the same ones at the same time.
    local_address, local_port: its own end. accepted: whether an application has accepted it. If
    not, it is still in its listener's accept queue, and the listener's owner is its owner.
    """

    cookie: bytes
    ends: bytes
    cause: str
    remote_address: bytes
    owner_id: SocketId
    local_address: bytes = bytes(16)
    local_port: int = 0
    accepted: bool = True

    @property
    def inode(self) -> int:
        """Its own inode, 0 until it is accepted; from then on it stays the same."""
        return self.owner_id.inode if self.accepted else 0


def close_wait_cause(timer: int, retransmits: int, rqueue: int, wqueue: int) -> str:
    """Return which of CAUSES the fields of an entry point to."""
    if wqueue and timer == TIMER_RETRANSMIT and retransmits:
        return "peer_gone"
    if wqueue and timer == TIMER_WINDOW_PROBE:
        # A peer that is there answers each probe, and its answer sets the count back to 0
        # (net/ipv4/tcp_input.c, tcp_ack). One probe may be in flight.
        return "window_closed" if retransmits <= 1 else "peer_gone"
    return "eof_unread" if rqueue else "not_closed"
