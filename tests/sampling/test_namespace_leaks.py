"""Network namespaces that come and go leave nothing behind."""

import gc
import threading

import psutil
import pytest

from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.labs.own_process import descriptors
from tests.support.labs.watched_namespaces import Watch, watching

# The kernel makes and ends one namespace at a time, for all that run on the machine.
pytestmark = pytest.mark.time_limit(300)
ROUNDS = 1000
WARM_UP = 40  # rounds until the interpreter has all the memory that it keeps
BUSY = 50
COLLECTORS = ("sockets", "local_ports", "pools", "close_wait", "listen_queues", "kernel_events")


def held() -> tuple[dict[str, str], int]:
    """Return the descriptors and the number of threads of this process."""
    return descriptors(), threading.active_count()


def round_of(others: OtherNamespaces, watch: Watch, number: int) -> None:
    """Let a busy namespace and a quiet one appear, be sampled, and vanish."""
    others.name(f"busy-{number}", BUSY)
    others.name("quiet")
    assert watch.labels() == [f"busy-{number}"]
    for made in others.made:
        others.end(made)
    others.made.clear()
    others.forget(f"busy-{number}")
    others.forget("quiet")
    assert watch.labels() == []


def test_rounds(others: OtherNamespaces) -> None:
    """Descriptors and threads are the same after many rounds, and memory has not grown."""
    process = psutil.Process()
    with watching(others, collectors=COLLECTORS) as watch:
        for number in range(WARM_UP):
            round_of(others, watch, number)
        gc.collect()
        before, memory = held(), process.memory_info().rss
        for number in range(ROUNDS):
            round_of(others, watch, number)
        gc.collect()
        grown = process.memory_info().rss - memory
        assert held() == before
    assert grown < 2e6, "a leak of 2 kB a round would be as much"
