"""Each cause of being stuck in CLOSE_WAIT in one row: its words, what to do, and what is a leak.

facts/close_wait.py has the causes themselves, and how an entry shows them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.usage import is_mostly

CLOSE_WAIT_RUNBOOK = "docs/runbooks/stuck.md#tcppressureclosewaitleak"
LEAK_SOCKETS = 100  # with one cause: fewer are not worth waking anybody for
LEAK_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class CloseWaitCause:
    """Why sockets are in CLOSE_WAIT; name: one of CAUSES. words: short. advice: what to do."""

    name: str
    words: str
    advice: str


_CAUSES = (
    CloseWaitCause(
        name="eof_unread",
        words="not read to the end",
        advice="The application does not read these connections to the end: it hangs, or has"
        " forgotten them. A restart frees them; only a fix in its code prevents them.",
    ),
    CloseWaitCause(
        name="not_closed",
        words="read, but not closed",
        advice="The application has read to the end, so it knows that the peer has closed, but"
        " does not close: a leak in its code. A restart frees them.",
    ),
    CloseWaitCause(
        name="peer_gone",
        words="the peer does not answer",
        advice="The peer disappeared with data in flight. The kernel gives up after tcp_retries2"
        " retransmissions, or sooner if the application sets TCP_USER_TIMEOUT.",
    ),
    CloseWaitCause(
        name="window_closed",
        words="the peer accepts no data",
        advice="The peer has closed its side and stopped reading: make the application give up"
        " after a timeout of its own.",
    ),
)
NEVER_ACCEPTED = CloseWaitCause(
    name="eof_unread",
    words="never accepted",
    advice="The service never accepted these connections, and their clients are gone: they stay"
    " in its accept queue until it calls accept(). Check its load and workers; a restart"
    " frees them.",
)
CLOSE_WAIT_CAUSES: Mapping[str, CloseWaitCause] = {cause.name: cause for cause in _CAUSES}


def close_wait_row(cause: str, sockets: int, never_accepted: int) -> CloseWaitCause:
    """Return the row for sockets with one cause; NEVER_ACCEPTED if most were never accepted."""
    return NEVER_ACCEPTED if is_mostly(never_accepted, sockets) else CLOSE_WAIT_CAUSES[cause]


def close_wait_severity(sockets: int, oldest_seconds: float) -> Severity:
    """Return how bad it is to have that many sockets with one cause, the oldest that old."""
    leak = sockets >= LEAK_SOCKETS and oldest_seconds >= LEAK_SECONDS
    return Severity.WARNING if leak else Severity.CALM
