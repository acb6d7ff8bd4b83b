import threading
import time
from dataclasses import replace
from typing import Any

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.sample.namespaces import Census
from tcp_pressure_exporter.sample.sample import NamespaceSample, Taken
from tcp_pressure_exporter.sampling.loop import Failures, seconds_since_boot
from tcp_pressure_exporter.settings.config import Config
from tests.support.fakes.observed_loop import (
    GOOD,
    PATIENCE_SECONDS,
    SLOW,
    ObservedLoop,
    failing,
    one_after_the_other,
)
from tests.support.fakes.samples import with_parts


def test_sample() -> None:
    """A sample has its moment on both clocks, its cost, both intervals, and what was taken."""
    before = time.time(), seconds_since_boot()
    sample = ObservedLoop(lambda _config: GOOD, SLOW).loop.sample()
    after = time.time(), seconds_since_boot()
    assert before[0] <= sample.timestamp <= after[0]
    assert before[1] <= sample.started <= after[1]
    assert sample.cpu_seconds >= 0
    assert (sample.interval, sample.configured_interval) == (600.0, 600.0)
    assert (sample.namespaces, sample.census) == ((GOOD,), None)


def test_other_namespaces() -> None:
    """All namespaces' samples are there, and how many others there are."""
    taken = Taken((GOOD, replace(GOOD, netns="blue")), Census(sampled=1, quiet=7))
    sample = ObservedLoop(lambda _config: taken, SLOW).loop.sample()
    assert sample.namespaces == taken.namespaces
    assert sample.census == taken.census


def test_moment_is_before_the_sample() -> None:
    """The moment of a sample is when it began: no number in it is older than that."""
    taken: list[float] = []

    def take(_config: Config) -> NamespaceSample:
        taken.append(seconds_since_boot())
        return GOOD

    assert ObservedLoop(take).loop.sample().started <= taken[0]


def test_samples_are_published() -> None:
    """The loop publishes sample after sample until it is stopped."""
    loop = ObservedLoop(lambda _config: GOOD)
    loop.run()
    assert len(loop.published) == 3
    starts = [sample.started for sample in loop.published]
    assert starts == sorted(set(starts))


def test_configuration_can_be_replaced() -> None:
    """Each sample is taken with the configuration of that moment."""
    seen: list[Config] = []

    def take(config: Config) -> NamespaceSample:
        seen.append(config)
        return GOOD

    loop = ObservedLoop(take)
    loop.loop.sample()
    loop.loop.config = Config(listing=ListingRule(top=1))
    loop.loop.sample()
    assert [config.listing.top for config in seen] == [10, 1]


def test_stop_before_the_first_sample() -> None:
    """A loop that is stopped before it runs takes no sample."""
    loop = ObservedLoop(lambda _config: GOOD)
    loop.stop.set()
    loop.run()
    assert loop.published == []


class Pausing(threading.Event):
    """A stop event that shows when the loop begins to wait for it."""

    def __init__(self) -> None:
        super().__init__()
        self.begun = threading.Event()

    def wait(self, timeout: float | None = None) -> bool:
        self.begun.set()
        return super().wait(timeout)


def test_stop_during_the_pause() -> None:
    """Stopping does not wait for the interval, here ten minutes, to pass."""
    stop = Pausing()
    loop = ObservedLoop(lambda _config: GOOD, SLOW)
    thread = threading.Thread(target=loop.loop.run, args=(stop,))
    thread.start()
    assert stop.begun.wait(PATIENCE_SECONDS)
    stop.set()
    thread.join(PATIENCE_SECONDS)
    assert not thread.is_alive()
    assert len(loop.published) == 1


def test_unexpected_exception() -> None:
    """A bug costs one sample and one line with the exception, not the loop."""
    loop = ObservedLoop(one_after_the_other([GOOD, ZeroDivisionError("oops"), GOOD, GOOD]))
    loop.run()
    assert len(loop.published) == 3
    begun, over = loop.lines
    assert (begun["event"], begun["log_level"]) == ("sampling failed unexpectedly", "error")
    assert begun["exc_info"]
    assert (over["event"], over["log_level"]) == ("sampling works again", "info")


def test_defects_are_counted() -> None:
    """A lasting bug is one line; each sample that it costs is counted."""
    loop = ObservedLoop(one_after_the_other([*[ZeroDivisionError("oops")] * 5, GOOD, GOOD, GOOD]))
    loop.run()
    assert [line["event"] for line in loop.lines] == [
        "sampling failed unexpectedly",
        "sampling works again",
    ]
    assert loop.loop.failures == Failures(parts=0, samples=5)


def test_failed_parts_are_counted() -> None:
    """Each part that a collector could not give is counted, whatever is logged."""
    loop = ObservedLoop(one_after_the_other([failing("absent"), failing("absent"), GOOD]), SLOW)
    for _ in range(3):
        loop.loop.sample()
    assert loop.loop.failures == Failures(parts=2, samples=0)


def test_a_log_that_fails() -> None:
    """If even the line about it cannot be written, the loop goes on, and says it later."""
    loop = ObservedLoop(one_after_the_other([MemoryError(), MemoryError(), GOOD, GOOD, GOOD]))
    loop.fail_next_line()
    loop.run()
    assert len(loop.published) == 3
    assert loop.loop.failures == Failures(samples=2)
    assert [line["event"] for line in loop.lines] == [
        "sampling failed unexpectedly",
        "sampling works again",
    ]


def test_exception_while_publishing() -> None:
    """An exception of the receiver does not end the loop either."""
    loop = ObservedLoop(lambda _config: GOOD)
    loop.refusals = [ValueError("not now")]
    loop.run()
    assert len(loop.published) == 3
    assert [line["event"] for line in loop.lines] == [
        "sampling failed unexpectedly",
        "sampling works again",
    ]


def collector_lines(*samples: NamespaceSample) -> list[tuple[str, str, str | None]]:
    """Return (level, event, reason) of what the samples, one after another, make the loop log."""
    loop = ObservedLoop(one_after_the_other(samples), SLOW)
    for _ in samples:
        loop.loop.sample()
    assert all(line["collector"] == "limits" for line in loop.lines)
    return [(line["log_level"], line["event"], line.get("reason")) for line in loop.lines]


def test_good_samples_are_not_logged() -> None:
    """While all is well nothing is logged."""
    assert collector_lines(GOOD, GOOD, GOOD) == []


def test_failure_is_logged_once() -> None:
    """A collector that goes on failing for the same reason is one line."""
    expected = ("error", "collector fails", "sockstat: absent")
    assert collector_lines(failing("absent"), failing("absent"), failing("absent")) == [expected]


def test_one_line_for_one_reason() -> None:
    """Collectors that fail by one source share a line when that begins, and when it is over."""
    error: Outcome[Any] = Outcome(0.1, error=SourceError("sock_diag dump", "silent"))
    both = with_parts(failing("absent"), sockets=error, pools=error)
    good = with_parts(GOOD, sockets=Outcome(0.1, {}), pools=Outcome(0.1, {}))
    loop = ObservedLoop(one_after_the_other([both, good]), SLOW)
    loop.loop.sample()
    loop.loop.sample()
    assert [(line["event"], line["collector"]) for line in loop.lines] == [
        ("collector fails", "sockets,pools"),
        ("collector fails", "limits"),
        ("collector works again", "sockets,pools"),
        ("collector works again", "limits"),
    ]


def test_another_reason_is_logged() -> None:
    """Failing for another reason is a separate line."""
    lines = collector_lines(failing("absent"), failing("denied"), failing("denied"))
    assert [reason for _level, _event, reason in lines] == ["sockstat: absent", "sockstat: denied"]


def test_another_number_is_not_another_reason() -> None:
    """Corrupt data that differs from sample to sample is one line."""
    lines = collector_lines(failing("3 bytes left"), failing("14 bytes left"))
    assert [reason for _level, _event, reason in lines] == ["sockstat: 3 bytes left"]


def test_recovery_is_logged_once() -> None:
    """A collector that works again is one line, and may fail again."""
    lines = collector_lines(failing("absent"), GOOD, GOOD, failing("absent"))
    assert [event for _level, event, _reason in lines] == [
        "collector fails",
        "collector works again",
        "collector fails",
    ]


def test_namespaces_fail_for_themselves() -> None:
    """A failure is logged with its namespace, and forgotten once the namespace is gone."""
    blue = replace(failing("denied"), netns="blue")
    taken = [Taken((GOOD, blue)), Taken((GOOD,)), Taken((GOOD, blue))]
    loop = ObservedLoop(one_after_the_other(taken), SLOW)
    for _ in taken:
        loop.loop.sample()
    expected = ("collector fails", "blue", "sockstat: denied")
    assert [(line["event"], line["netns"], line["reason"]) for line in loop.lines] == [expected] * 2


def test_what_samples_do_not_reach_is_said_once() -> None:
    """There is one log line for each thing, however its reason changes."""
    reasons = ("ended after 3", None, "ended after 4", "ended after 5")
    taken = [
        Taken((GOOD,), left_out=(("process names", reason),) if reason else ())
        for reason in reasons
    ]
    loop = ObservedLoop(one_after_the_other(taken))
    samples = [loop.loop.sample() for _ in taken]
    assert [sample.left_out for sample in samples] == [one.left_out for one in taken]
    assert loop.lines == [
        {
            "event": "not everything was looked at",
            "feature": "process names",
            "reason": "ended after 3",
            "log_level": "info",
        }
    ]
