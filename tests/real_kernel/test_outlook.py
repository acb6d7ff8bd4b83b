"""Forecast and canary of real pools, against what connect() then really did."""

import errno
import math
import time

import pytest

from tcp_pressure_exporter.sample.sample import CANARY
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, time_wait_here
from tests.support.labs.network_namespace import set_sysctl

REMOTE = "127.0.0.9"
LOCAL = "127.0.0.1"
PORTS = 200


def use_range() -> None:
    set_sysctl("ip_local_port_range", f"40000 {40000 + PORTS - 1}")
    set_sysctl("tcp_tw_reuse", 0)


def outlook_seconds(observer: Observer) -> float:
    found = observer.pool("outbound", LOCAL, REMOTE, str(SERVER_PORT)).outlook
    assert found is not None
    return found.exhaustion_seconds


def test_forecast_comes_true(lab: Lab, observer: Observer) -> None:
    """At a steady rate the first connect() to fail does so when the forecast said.

    200 ports at 20 closes a second last 10 s; asked after 6 s, with 4 s to go.
    """
    use_range()
    start = time.monotonic()
    forecast = end = math.inf
    for number in range(2 * PORTS):
        time.sleep(max(0.0, start + number / 20 - time.monotonic()))
        if number == 120:
            forecast = time.monotonic() + outlook_seconds(observer)
        try:
            time_wait_here(lab.connect(REMOTE))
        except OSError as error:
            assert error.errno == errno.EADDRNOTAVAIL  # noqa: PT017 - nothing else may happen
            end = time.monotonic()
            break
    assert end - start == pytest.approx(PORTS / 20, abs=0.5)
    # It knows the last 10 s, of which 4 had no closes: it is late by their share.
    assert forecast == pytest.approx(end, abs=4)
    assert outlook_seconds(observer) == 0


def test_quiet_pool(lab: Lab, observer: Observer) -> None:
    """A pool without closes will not fill up, however full it is."""
    use_range()
    for _ in range(PORTS - 1):
        lab.connect(REMOTE)
    observer.sample()
    assert outlook_seconds(observer) == math.inf


def test_burst_of_closes_that_is_over(lab: Lab, observer: Observer) -> None:
    """120 closes in an instant will fill the pool if they go on, but not once they end."""
    use_range()
    for _ in range(120):
        time_wait_here(lab.connect(REMOTE))
    assert outlook_seconds(observer) < 60
    time.sleep(1.5)
    assert outlook_seconds(observer) == math.inf


def test_burst_of_opens_that_is_over(lab: Lab, observer: Observer) -> None:
    """120 connections that stay open will fill the pool while more come, but no longer."""
    use_range()
    for _ in range(5):
        lab.connect(REMOTE)
    observer.sample()
    time.sleep(1.1)
    for _ in range(120):
        lab.connect(REMOTE)
    assert outlook_seconds(observer) < 60
    time.sleep(1.1)
    assert outlook_seconds(observer) == math.inf


def verdicts(observer: Observer) -> list[tuple[str, bool | None]]:
    canary = observer.sample().outcome(CANARY)
    assert canary is not None
    return [(probe.pool.remote_address, probe.verdict.success) for probe in canary.get().probes]


def test_canary_near_the_limit(lab: Lab, observer: Observer) -> None:
    """Pools near their limit are asked about, and the verdict turns when connect() fails."""
    use_range()
    for _ in range(PORTS // 2):
        lab.connect("127.0.0.8")
    for _ in range(PORTS - 1):
        lab.connect(REMOTE)
    assert verdicts(observer) == [(REMOTE, True)]
    assert lab.connect_until_full(REMOTE) == 1
    assert verdicts(observer) == [(REMOTE, False)]


def test_few_entries_are_taken_over(lab: Lab, observer: Observer) -> None:
    """If TIME_WAIT entries can be taken over, a sample uses up at most four to find out."""
    use_range()
    set_sysctl("tcp_tw_reuse", 1)
    for _ in range(150):
        lab.connect(REMOTE)
    for _ in range(40):
        time_wait_here(lab.connect(REMOTE))
    time.sleep(1.2)  # tcp_tw_reuse_delay, and the error of an age
    for _ in range(4):
        assert verdicts(observer) == [(REMOTE, True)]
    usage = observer.pool("outbound", LOCAL, REMOTE, str(SERVER_PORT)).usage
    assert usage.time_wait == usage.reclaimable
    # The sample that shows it has asked after its dump.
    assert 40 - 4 * 4 <= (usage.time_wait or 0) <= 40
    assert usage.refused == 0
