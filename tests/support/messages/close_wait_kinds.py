"""Entries of sockets in CLOSE_WAIT as the kernel shows them, each with the cause it stands for.

Source: net/ipv4/inet_diag.c (inet_sk_diag_fill) for the timer and what it counts, net/ipv4/
tcp_diag.c (tcp_diag_get_info) for the queues, net/ipv4/tcp_input.c: tcp_fin counts the FIN as one
byte to read, tcp_ack sets the number of unanswered probes back to 0.
"""

from typing import NamedTuple

from tests.support.messages.datagrams import CLOSE_WAIT, Entry

NO_TIMER, RETRANSMIT, KEEPALIVE, WINDOW_PROBE = 0, 1, 2, 4


class Kind(NamedTuple):
    """What shows the cause, and the cause."""

    timer: int
    retransmits: int
    rqueue: int
    wqueue: int
    cause: str

    def entry(self, local_port: int = 40000, remote: str = "10.0.0.9", cookie: int = 1) -> Entry:
        """Return an entry of this kind."""
        return Entry(
            *(CLOSE_WAIT, "10.0.0.2", local_port, remote, 443),
            cookie=cookie,
            timer=self.timer,
            retransmits=self.retransmits,
            rqueue=self.rqueue,
            wqueue=self.wqueue,
        )


KINDS = (
    Kind(NO_TIMER, 0, 1, 0, "eof_unread"),  # only the FIN
    Kind(NO_TIMER, 0, 4097, 0, "eof_unread"),  # data before it
    Kind(KEEPALIVE, 0, 1, 0, "eof_unread"),
    Kind(NO_TIMER, 0, 0, 0, "not_closed"),
    Kind(KEEPALIVE, 0, 0, 0, "not_closed"),
    Kind(RETRANSMIT, 1, 0, 17, "peer_gone"),
    Kind(RETRANSMIT, 15, 0, 2**32 - 1, "peer_gone"),
    Kind(RETRANSMIT, 3, 1, 17, "peer_gone"),  # whether it has read or not
    Kind(WINDOW_PROBE, 2, 0, 65_536, "peer_gone"),  # no answer to two probes
    Kind(WINDOW_PROBE, 255, 1, 1, "peer_gone"),
    Kind(WINDOW_PROBE, 0, 0, 65_536, "window_closed"),  # the last probe was answered
    Kind(WINDOW_PROBE, 1, 0, 65_536, "window_closed"),  # the answer may be on its way
    Kind(WINDOW_PROBE, 1, 1, 65_536, "window_closed"),
)


def kind_of(cause: str) -> Kind:
    """Return the first kind with a cause."""
    return next(kind for kind in KINDS if kind.cause == cause)
