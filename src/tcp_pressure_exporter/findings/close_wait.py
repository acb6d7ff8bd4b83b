"""Each cause of being stuck in CLOSE_WAIT in one row: its words and what to do; and what is a leak.

The causes themselves, and how an entry tells them: facts/close_wait.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.usage import is_mostly

CLOSE_WAIT_RUNBOOK = "docs/runbooks/stuck.md#tcppressureclosewaitleak"
LEAK_SOCKETS = 100  # of one cause: fewer are no leak worth waking anybody
LEAK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseWaitCause:
    """Why sockets are in CLOSE_WAIT; name: one of CAUSES. words: in few. advice: what to do."""

    name: str
    words: str
    advice: str


_CAUSES = (
    CloseWaitCause(
        name="eof_unread",
        words="not read to the end",
        advice="The application does not read these connections to their end: it hangs, or has"
        " forgotten them. Restarting it frees them; only its code cures it.",
    ),
    CloseWaitCause(
        name="not_closed",
        words="read, but not closed",
        advice="The application has seen that the peer closed, and does not close: a leak in its"
        " code. Restarting it frees them.",
    ),
    CloseWaitCause(
        name="peer_gone",
        words="the peer does not answer",
        advice="The peer has gone while data was on its way: it is given up after tcp_retries2"
        " retransmissions, or sooner with TCP_USER_TIMEOUT in the application.",
    ),
    CloseWaitCause(
        name="window_closed",
        words="the peer takes no data",
        advice="The peer closed its side and reads no more: let the application give up on it by a"
        " time-out of its own.",
    ),
)
NEVER_ACCEPTED = CloseWaitCause(
    name="eof_unread",
    words="never accepted",
    advice="The service has not accepted these connections, and their clients have gone: they sit"
    " in its accept queue until it calls accept(). Look at its load and workers; restarting it"
    " frees them.",
)
CLOSE_WAIT_CAUSES: Mapping[str, CloseWaitCause] = {cause.name: cause for cause in _CAUSES}


def close_wait_row(cause: str, sockets: int, never_accepted: int) -> CloseWaitCause:
    """Return the row of sockets of one cause; of NEVER_ACCEPTED where most were never accepted."""
    return NEVER_ACCEPTED if is_mostly(never_accepted, sockets) else CLOSE_WAIT_CAUSES[cause]


def close_wait_severity(sockets: int, oldest_seconds: float) -> Severity:
    """Return how bad it is that so many sockets wait for one cause, the oldest for that long."""
    leak = sockets >= LEAK_SOCKETS and oldest_seconds >= LEAK_SECONDS
    return Severity.WARNING if leak else Severity.CALM
