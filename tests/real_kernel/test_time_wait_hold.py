"""How long the kernel really keeps the port of a closed connection."""

import time

from tests.sources.counting.counting import key
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.sampled import Namespace

PACE = 0.02  # seconds between two looks


def test_hold(lab: Lab) -> None:
    """Entries are there for at least 60 s, and are gone once the published time is over."""
    namespace = Namespace()
    reuse = namespace.time_wait_reuse()
    began: dict[int, float] = {}
    for _ in range(10):
        pair = lab.connect("127.0.0.9", "127.0.0.1")
        port = pair[0].getsockname()[1]
        time_wait_here(pair)
        began[port] = time.monotonic()
        time.sleep(0.25)
    pool = key("127.0.0.1", "127.0.0.9", SERVER_PORT)
    held: list[float] = []
    while began:
        ages = {port: namespace.sockets.time_wait_age(pool, port, reuse.lengths) for port in began}
        gone = [port for port, age in ages.items() if age is None]
        held += [time.monotonic() - began.pop(port) for port in gone]
        time.sleep(PACE)
    namespace.close()
    assert min(held) >= reuse.lengths.longer_ms / 1000 - PACE
    assert max(held) <= reuse.hold + 0.5  # a look may come late on a busy host
