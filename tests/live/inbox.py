"""What Alertmanager's receivers got, and when."""

import threading
import time
from typing import Any, NamedTuple


class Notification(NamedTuple):
    """One alert in a message: monotonic time of arrival, receiver, and what it says."""

    at: float
    receiver: str
    name: str
    status: str
    description: str


class Inbox:
    """The notifications so far; filled on the threads of the webhook."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._received: list[Notification] = []

    def take(self, receiver: str, alert: dict[str, Any]) -> None:
        """Note one alert in a message."""
        name, description = alert["labels"]["alertname"], alert["annotations"]["description"]
        notification = Notification(time.monotonic(), receiver, name, alert["status"], description)
        with self._changed:
            self._received.append(notification)
            self._changed.notify_all()

    @property
    def received(self) -> list[Notification]:
        with self._changed:
            return list(self._received)

    @property
    def names(self) -> set[str]:
        return {notification.name for notification in self.received}

    def wait_for(self, name: str, status: str = "firing", seconds: float = 90) -> Notification:
        """Wait until an alert has fired, or resolved; fail after that many seconds."""
        deadline = time.monotonic() + seconds
        with self._changed:
            while True:
                for notification in self._received:
                    if (notification.name, notification.status) == (name, status):
                        return notification
                left = deadline - time.monotonic()
                assert left > 0, f"no {name} {status}: {[n[1:] for n in self._received]}"
                self._changed.wait(left)
