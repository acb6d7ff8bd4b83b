"""Looks at this host: samples it, judges the sample, and records the circumstances."""

import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.pools.memory import MIN_DISTANCE
from tcp_pressure_exporter.sample.sample import LeftOut, Taken, not_reached, unseen
from tcp_pressure_exporter.verdict.assessment import assess

Sign = Callable[[], AbstractContextManager[None]]
Counters = Callable[[], Mapping[str, int]]
# Seconds: a client whose SYN was dropped tries again after 1, 2 and 4 s (RFC 6298, section 5), so
# ongoing drops mostly show within three.
WATCHED = 3
# A host in trouble is worth two seconds: in that time, owners of short connections are seen, and
# refusals are counted.
TROUBLED_SECONDS = 2.0  # more than MIN_DISTANCE
BETWEEN_LOOKS = 0.25


class Observer:
    """Looks again and again; each look uses what the previous one showed.

    drops: the kernel's counts of what it drops or refuses.
    """

    def __init__(
        self,
        take: Callable[[], Taken],
        left_out: LeftOut = (),
        drops: Counters = dict,
        *,
        portable: bool = False,
        as_root: bool = False,
    ) -> None:
        self._take = take
        self._drops = drops
        self._left_out = left_out
        self._portable = portable
        self._as_root = as_root

    def look(self) -> Observation:
        """Take one sample."""
        moment, started = datetime.now().astimezone(), time.monotonic()
        taken = self._take()
        assessment = assess(taken.namespaces[0], unseen(taken))
        seconds = time.monotonic() - started
        host = socket.gethostname()
        return Observation(
            *(host, moment, seconds, assessment, self._left_out),
            portable=self._portable,
            as_root=self._as_root,
            not_looked_at=not_reached(taken),
            sample=taken.namespaces[0],
        )

    def sees_drops(self, pause: Callable[[float], None]) -> bool:
        """Watch the counters, second by second, until one rises; if all are 0, return at once.

        In that case nothing was dropped since the namespace was created, so there is no need to
        wait.
        """
        before = self._drops()
        if not any(before.values()):
            return False
        for _second in range(WATCHED):
            pause(MIN_DISTANCE)
            if self._drops() != before:
                return True
        return False


def look_closely(
    observer: Observer,
    sign: Sign,
    pause: Callable[[float], None] = time.sleep,
    clock: Callable[[], float] = time.monotonic,
) -> Observation:
    """Look once if all is calm, otherwise repeatedly for two seconds.

    Only samples a second apart tell how fast live connections grow: if they are about to fill a
    pool, a single sample would say that this is not in sight. And only two tell whether a counter
    rises. A single look may also miss short connections.
    """
    with sign():
        seen = observer.look()
    if seen.assessment.severity > Severity.CALM:
        return _look_for_a_while(observer, sign, pause, clock)
    if not observer.sees_drops(pause):
        return seen
    with sign():
        return observer.look()


def _look_for_a_while(
    observer: Observer,
    sign: Sign,
    pause: Callable[[float], None],
    clock: Callable[[], float],
) -> Observation:
    """Look until TROUBLED_SECONDS are over; return the last look."""
    end = clock() + TROUBLED_SECONDS
    while True:
        pause(BETWEEN_LOOKS)
        with sign():
            seen = observer.look()
        if clock() >= end:
            return seen


def look_again_and_again(observer: Observer, sign: Sign, interval: float) -> Iterator[Observation]:
    """Look every `interval` seconds, forever; show the sign the first time."""
    started = time.monotonic()
    with sign():
        seen = observer.look()
    while True:
        yield seen
        time.sleep(max(0.0, started + interval - time.monotonic()))
        started = time.monotonic()
        seen = observer.look()
