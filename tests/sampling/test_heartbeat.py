"""The pulse of the sampling loop."""

import threading
import time
from collections.abc import Callable

from tcp_pressure_exporter.sampling.loop import Heartbeat
from tests.support.fakes.observed_loop import FAST, GOOD, SLOW, ObservedLoop, one_after_the_other

LONG = 600.0


class Pulse:
    """Counts beats, and sets the event at the given one."""

    def __init__(self, stop: threading.Event, enough: int) -> None:
        self.beats = 0
        self._stop = stop
        self._enough = enough

    def __call__(self) -> None:
        self.beats += 1
        if self.beats == self._enough:
            self._stop.set()


def beats_of(seconds: float, enough: int, run: Callable[[threading.Event, Heartbeat], None]) -> int:
    stop = threading.Event()
    pulse = Pulse(stop, enough)
    run(stop, Heartbeat(seconds, pulse))
    return pulse.beats


def test_beats_during_a_long_pause() -> None:
    """An interval longer than systemd's patience is bridged by additional beats."""
    assert beats_of(0.001, 5, lambda stop, h: h.pause(stop, time.monotonic() + LONG)) == 5


def test_a_short_pause_is_one_beat() -> None:
    """If samples come more often than beats are due, each is one beat."""
    assert beats_of(LONG, 9, lambda stop, h: h.pause(stop, time.monotonic() + 0.001)) == 1
    assert beats_of(LONG, 9, lambda stop, h: h.pause(stop, time.monotonic() - 1)) == 1


def test_no_beat_after_the_stop() -> None:
    """A loop told to stop does not say that it is working."""
    stop = threading.Event()
    stop.set()
    pulse = Pulse(stop, 9)
    Heartbeat(LONG, pulse).pause(stop, time.monotonic() + LONG)
    assert pulse.beats == 0


def test_the_loop_beats_after_good_samples_only() -> None:
    """A sample that failed unexpectedly is not progress: there is no beat."""
    broken = ZeroDivisionError("oops")
    loop = ObservedLoop(one_after_the_other([GOOD, broken, broken, GOOD, GOOD]), FAST)
    loop.enough = 99
    pulse = Pulse(loop.stop, 3)
    loop.loop.run(loop.stop, Heartbeat(LONG, pulse))
    assert (pulse.beats, len(loop.published), len(loop.lines)) == (3, 3, 2)


def test_the_loop_goes_on_beating() -> None:
    """While the loop waits ten minutes for its next sample, its heart beats."""
    loop = ObservedLoop(lambda _config: GOOD, SLOW)
    pulse = Pulse(loop.stop, 4)
    loop.loop.run(loop.stop, Heartbeat(0.001, pulse))
    assert (pulse.beats, len(loop.published)) == (4, 1)
