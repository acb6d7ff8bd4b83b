"""What the server has answered, and whom it could not take in."""

from dataclasses import dataclass, field


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
