"""No test runs for ever: past its limit it fails, with the stack of every thread.

One failure would not be enough. On its way out it meets other things that wait: `with Popen(...)`
for its process, an executor for its threads, the teardown of a fixture. So each phase of a test has
the limit anew, and the alarm repeats until the phase is over, from the second time also killing the
processes that the run has started.

A thread in C code that never returns sees no signal: then faulthandler ends the process.
"""

import faulthandler
import signal
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

import psutil
import pytest

SECONDS = 120.0
AGAIN_SECONDS = 5.0
LAST_SECONDS = 60.0
CAPTURED_STDERR = 2  # pytest captures it, to show it with the failure

Phase = Generator[None, object, object]


class TimeLimits:
    """A plugin that limits setup, call and teardown of each test, by default to SECONDS each.

    A test that needs longer says so: @pytest.mark.time_limit(seconds). stderr: the descriptor of
    the run's own standard error, which no test captures. again: the seconds from one alarm to the
    next. last: after how many seconds the process is ended.
    """

    def __init__(
        self, stderr: int, again: float = AGAIN_SECONDS, last: float = LAST_SECONDS
    ) -> None:
        self._stderr = stderr
        self._again = again
        self._last = last

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> Phase:
        with self._limit(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_call(self, item: pytest.Item) -> Phase:
        with self._limit(item):
            return (yield)

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_teardown(self, item: pytest.Item) -> Phase:
        with self._limit(item):
            return (yield)

    def pytest_enter_pdb(self) -> None:
        """Lift the limit: a person is debugging."""
        _disarm()

    def pytest_unconfigure(self, config: pytest.Config) -> None:
        """Do not let a leftover thread keep Python from ending."""
        if not hasattr(config, "workerinput"):  # an xdist worker is ended by what started it
            faulthandler.dump_traceback_later(self._last, exit=True, file=self._stderr)

    @contextmanager
    def _limit(self, item: pytest.Item) -> Iterator[None]:
        seconds = limit_of(item)
        faulthandler.dump_traceback_later(seconds + self._last, exit=True, file=self._stderr)
        with _failing_after(seconds, self._again):
            yield


def limit_of(item: pytest.Item) -> float:
    """Return how many seconds each phase of a test may take."""
    marker = item.get_closest_marker("time_limit")
    return float(marker.args[0]) if marker else SECONDS


@contextmanager
def _failing_after(seconds: float, again: float) -> Iterator[None]:
    """Fail the test on the main thread after so many seconds, and again until it ends."""
    overdue = False

    def ring(_number: int, _frame: FrameType | None) -> None:
        __tracebackhide__ = True
        nonlocal overdue
        if overdue:
            _kill_children()
        else:
            faulthandler.dump_traceback(CAPTURED_STDERR)
        overdue = True
        pytest.fail(f"not over after {seconds:g} s")

    before = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, seconds, again)
    try:
        yield
    finally:
        _disarm()
        signal.signal(signal.SIGALRM, before)


def _disarm() -> None:
    signal.setitimer(signal.ITIMER_REAL, 0)
    faulthandler.cancel_dump_traceback_later()


def _kill_children() -> None:
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            process.kill()
