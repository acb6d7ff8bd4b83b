"""How fast a real process leaks, and how many descriptors it has left."""

import resource
import time
from pathlib import Path

import pytest

from tcp_pressure_exporter.sample import leaks as module
from tcp_pressure_exporter.sample.sample import CLOSE_WAIT
from tests.support.labs.close_wait_lab import not_closed
from tests.support.labs.lab import Lab, Observer

EACH = 0.1  # seconds
SOCKETS = 40


def test_a_leak(lab: Lab, observer: Observer, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sample shows how fast sockets leak, and the descriptors of the leaking process."""
    monkeypatch.setattr(module, "SHORTEST", 2.0)
    begun = time.monotonic()
    for _ in range(SOCKETS):
        not_closed(lab, "127.0.0.3")
        time.sleep(EACH)
    (leak,) = observer.sample().get(CLOSE_WAIT).leaks
    # Those of the last second may be about to be closed.
    assert SOCKETS / 2 < leak.sockets < SOCKETS
    assert leak.growth == pytest.approx(leak.sockets / (time.monotonic() - begun), rel=0.2)
    assert leak.files is not None
    assert leak.files.open == pytest.approx(len(list(Path("/proc/self/fd").iterdir())), abs=5)
    assert leak.files.limit == resource.getrlimit(resource.RLIMIT_NOFILE)[0]
