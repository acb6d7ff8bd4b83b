"""Looks at this host: samples it, judges the sample, and keeps the circumstances."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import datetime

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.snapshot import LeftOut, Observation
from tcp_pressure_exporter.pools.memory import MIN_DISTANCE
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.assessment import assess

Sign = Callable[[], AbstractContextManager[None]]


class Observer:
    """Looks again and again; what one look showed makes the next one wiser."""

    def __init__(
        self,
        take: Callable[[], NamespaceSample],
        left_out: LeftOut = (),
        *,
        portable: bool = False,
    ) -> None:
        self._take = take
        self._left_out = left_out
        self._portable = portable

    def look(self) -> Observation:
        """Take one sample."""
        moment, started = datetime.now().astimezone(), time.monotonic()
        assessment = assess(self._take())
        seconds = time.monotonic() - started
        host = socket.gethostname()
        return Observation(host, moment, seconds, assessment, self._left_out, self._portable)


def look_closely(
    observer: Observer, sign: Sign, pause: Callable[[float], None] = time.sleep
) -> Observation:
    """Look once where all is calm, else a second time a second later.

    Only two samples tell how fast live connections grow. Where they are about to fill a pool, one
    alone would say that its end is not in sight.
    """
    with sign():
        seen = observer.look()
    if seen.assessment.severity is Severity.CALM:
        return seen
    pause(MIN_DISTANCE)
    with sign():
        return observer.look()


def look_again_and_again(observer: Observer, sign: Sign, interval: float) -> Iterator[Observation]:
    """Look every `interval` seconds, for ever; with the sign at the first time."""
    started = time.monotonic()
    with sign():
        seen = observer.look()
    while True:
        yield seen
        time.sleep(max(0.0, started + interval - time.monotonic()))
        started = time.monotonic()
        seen = observer.look()
