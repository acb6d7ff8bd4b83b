"""Many clients at once, none of them well behaved."""

import contextlib
import selectors
import socket
import time
from types import TracebackType
from typing import Self

PATIENCE_SECONDS = 20.0


class Crowd:
    """Connections to one address, opened at once. As a context manager, closes what is left."""

    def __init__(self, address: tuple[str, int], size: int) -> None:
        self.opened = time.monotonic()
        self.clients = [_connected(address) for _ in range(size)]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        for client in self.clients:
            client.close()

    def send(self, data: bytes, share: int = 1) -> None:
        """Send from every `share`th client what it takes at once, unless the server closed it."""
        for client in self.clients[::share]:
            with contextlib.suppress(OSError):
                client.send(data)

    def seconds_until_all_closed(self, drip: bytes = b"", share: int = 1) -> float:
        """Wait until the server has closed all; every `share`th sends the drip byte by byte.

        Returns the seconds since they were opened.
        """
        turn = iter(drip)
        with selectors.DefaultSelector() as selector:
            for client in self.clients:
                selector.register(client, selectors.EVENT_READ)
            while selector.get_map():
                assert time.monotonic() < self.opened + PATIENCE_SECONDS, "not all were closed"
                for key, _ in selector.select(0.05):
                    if _is_closed(key.fileobj):
                        selector.unregister(key.fileobj)
                if (byte := next(turn, None)) is not None:
                    self.send(bytes([byte]), share)
        return time.monotonic() - self.opened


def _connected(address: tuple[str, int]) -> socket.socket:
    client = socket.socket()
    client.settimeout(PATIENCE_SECONDS)
    # As little as the kernel lets a client take without reading.
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
    client.connect(address)
    client.settimeout(0)
    return client


def _is_closed(client: object) -> bool:
    assert isinstance(client, socket.socket)
    try:
        return not client.recv(65536)
    except BlockingIOError:
        return False
    except OSError:
        return True  # reset
