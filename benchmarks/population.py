"""Real sockets in the calling process's namespace: made, kept constant in number, counted."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.conversation import Conversation, conversation
from benchmarks.failure import BenchmarkError
from benchmarks.programs import run
from benchmarks.shape import Shape

# include/net/tcp.h: TCP_TIMEWAIT_LEN; the timer wheel lets an entry live up to 3 % longer.
TIME_WAIT_SECONDS = 60.0
TIME_WAIT_GONE_SECONDS = 62.5
MAX_LIFE_SECONDS = 900
TOLERANCE = 0.02
SETTINGS = {
    "ipv4/ip_local_port_range": "1024 65535",
    "ipv4/tcp_max_tw_buckets": "4000000",
    "ipv4/tcp_tw_reuse": "0",
    "ipv6/ip_nonlocal_bind": "1",
}

Progress = Callable[[str], None]


class Population:
    """Sockets of one shape. Call `stay` before each measurement, as TIME_WAIT lasts 60 s."""

    def __init__(self, shape: Shape, maker: Conversation, progress: Progress) -> None:
        self.shape = shape
        self._maker = maker
        self._progress = progress
        self._started = self._finished = float("-inf")

    def stay(self, seconds: float) -> None:
        """Make sure that no socket disappears within the next seconds; raises BenchmarkError."""
        if time.monotonic() + seconds < self._started + TIME_WAIT_SECONDS:
            return
        gone = self._finished + TIME_WAIT_GONE_SECONDS
        # New ones are made while the old ones expire, in the same order and at the same pace.
        _sleep_until(self._started + TIME_WAIT_SECONDS)
        self._progress(f"making {self.shape.time_wait:,} TIME_WAIT sockets")
        self._started = time.monotonic()
        self._maker.ask(str(self.shape.time_wait))
        self._finished = time.monotonic()
        _sleep_until(gone)
        self._check()

    def _check(self) -> None:
        sockets = count_sockets()
        if abs(sockets - self.shape.sockets) > TOLERANCE * self.shape.sockets:
            raise BenchmarkError(f"{sockets:,} sockets, not {self.shape.sockets:,}")


@contextmanager
def populated(shape: Shape, program: Path, progress: Progress) -> Iterator[Population]:
    """Prepare the namespace for the shape and make its ESTABLISHED sockets; the rest come later."""
    for name, value in SETTINGS.items():
        Path("/proc/sys/net", name).write_text(value)
    run(("ip", "-6", "route", "add", "local", "fd00::/16", "dev", "lo"))
    numbers = (shape.pairs, shape.ipv6_percent, shape.sources)
    destinations = (shape.heavy, shape.heavy_percent, shape.light, MAX_LIFE_SECONDS)
    with conversation([program, *map(str, (*numbers, *destinations))]) as maker:
        maker.hear()
        yield Population(shape, maker, progress)


def count_sockets() -> int:
    """Return the number of TCP sockets in the namespace, as the kernel itself counts them."""
    ipv4, ipv6 = Path("/proc/net/sockstat").read_text(), Path("/proc/net/sockstat6").read_text()
    return _field(ipv4, "TCP", "inuse") + _field(ipv4, "TCP", "tw") + _field(ipv6, "TCP6", "inuse")


def _field(text: str, protocol: str, name: str) -> int:
    (line,) = [line for line in text.splitlines() if line.startswith(f"{protocol}:")]
    words = line.split()
    return int(words[words.index(name) + 1])


def _sleep_until(moment: float) -> None:
    time.sleep(max(0.0, moment - time.monotonic()))
