"""Something that goes on during a test."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager


@contextmanager
def meanwhile(act: Callable[[], object], pause: float = 0.0) -> Iterator[None]:
    """Do something repeatedly on a thread until the end, pausing `pause` seconds before each."""
    stop = threading.Event()

    def run() -> None:
        while not stop.wait(pause):
            act()

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()
