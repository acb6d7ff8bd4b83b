"""systemd's end of sd_notify(3): a datagram socket that keeps what it receives."""

import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PATIENCE_SECONDS = 10.0

Message = dict[str, str]


class NotifySocket:
    """Receives messages; `name` is the value for NOTIFY_SOCKET."""

    def __init__(self, name: str, sock: socket.socket) -> None:
        self.name = name
        self._socket = sock
        sock.settimeout(PATIENCE_SECONDS)

    def receive(self) -> Message:
        """Return the next message; TimeoutError if none comes."""
        lines = self._socket.recv(4096).decode().splitlines()
        return dict(line.split("=", 1) for line in lines)

    def receive_until(self, key: str) -> list[Message]:
        """Return the messages up to the first one with this key."""
        messages: list[Message] = []
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not messages or key not in messages[-1]:
            assert time.monotonic() < deadline, messages
            messages.append(self.receive())
        return messages

    def is_silent(self) -> bool:
        """Return whether no message is waiting."""
        self._socket.setblocking(False)  # noqa: FBT003 - the name of the method says it
        try:
            self._socket.recv(4096)
        except BlockingIOError:
            return True
        finally:
            self._socket.settimeout(PATIENCE_SECONDS)
        return False


@contextmanager
def notify_socket(folder: Path, *, abstract: bool = False) -> Iterator[NotifySocket]:
    """Open a socket in the folder, or one in the abstract namespace named after it."""
    path = str(folder / "notify")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(f"\0{path}" if abstract else path)
        yield NotifySocket(f"@{path}" if abstract else path, sock)
