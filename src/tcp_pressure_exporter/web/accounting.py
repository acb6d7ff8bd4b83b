"""What the server answered, which clients it could not accept, and when to log that."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

QUIET_SECONDS = 60.0  # without an event of a kind, after which the next one begins another episode


@dataclass(slots=True)
class HttpCounts:
    """Counted since the start, on the event loop; read from any thread.

    responses: by class of status, "2xx", "4xx" and "5xx". accept_failures: attempts.
    """

    responses: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(("2xx", "4xx", "5xx"), 0)
    )
    accept_failures: int = 0

    def answered(self, status: int) -> None:
        """Count an answer."""
        self.responses[f"{status // 100}xx"] += 1


class Episodes:
    """Tells which event begins an episode of a kind: one with a minute without any before it."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._last: dict[int | None, float] = {}

    def begins(self, kind: int | None = None) -> bool:
        """Note an event; tell whether it begins an episode of its kind, such as an errno."""
        now = self._clock()
        before = self._last.get(kind, -math.inf)
        self._last[kind] = now
        return now - before > QUIET_SECONDS
