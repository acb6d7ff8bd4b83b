"""The flight recorder counts every close once, whenever samples are taken.

The expected values are the closes that the test made itself.
"""

import math
import random
import threading
import time
from collections.abc import Iterator, Mapping

import pytest

from tcp_pressure_exporter.pools.table import Churn, PoolTable
from tcp_pressure_exporter.pools.usage import closes_each_second
from tcp_pressure_exporter.sources.counting.parser import Parser, compiled_parser, readable_parser
from tests.support.labs.lab import (
    SERVER_PORT,
    Lab,
    Observer,
    open_observer,
    time_wait_here,
    time_wait_there,
)
from tests.support.labs.network_namespace import set_sysctl
from tests.support.labs.stray_segments import send_stray_ack

REMOTE = "127.0.0.9"
LOCAL = "127.0.0.1"
CLOSES = 3000
OTHER_PORTS = 50_000  # outside the local port range
# Seconds: a close is counted once its tick of the kernel's clock is over, 10 ms at HZ=100.
TICK = 0.015
PATIENCE_SECONDS = 5.0


@pytest.fixture(params=[compiled_parser, readable_parser])
def watcher(netns: None, request: pytest.FixtureRequest) -> Iterator[Observer]:  # noqa: ARG001
    """Observe the namespace with each of the parsers; the first sample has been taken."""
    set_sysctl("ip_local_port_range", "40000 49999")
    set_sysctl("tcp_tw_reuse", 0)
    parser: Parser | None = request.param()
    assert parser
    with open_observer(parser) as observer:
        observer.sample()
        yield observer


def churn(observer: Observer, direction: str) -> Churn:
    found = observer.tables()[direction].churn
    assert found is not None
    return found


def totals(tables: Mapping[str, PoolTable]) -> dict[str, float]:
    return {name: table.churn.entered_total for name, table in tables.items() if table.churn}


def test_every_close_counts_once(lab: Lab, watcher: Observer) -> None:
    """Whatever the moments of the samples, the counters end at the closes that were made."""
    made = threading.Event()

    def close_many() -> None:
        for number in range(CLOSES):
            if number % 3:
                time_wait_here(lab.connect(REMOTE))
            else:
                # A separate port: the client does not see this TIME_WAIT, and would soon reuse a
                # port, which ends it. Nobody can count what no sample sees.
                time_wait_there(lab.connect(REMOTE, LOCAL, OTHER_PORTS + number))
        made.set()

    closing = threading.Thread(target=close_many)
    # The thread is in the namespace of the thread that starts it.
    closing.start()
    pauses = random.Random(4)  # noqa: S311 - the moments do not matter, but must vary
    samples = 0
    while not made.wait(pauses.random() * 0.02):
        watcher.sample()
        samples += 1
    closing.join()
    assert samples > 1, "the samples were meant to fall between the closes"
    expected = {"outbound": CLOSES * 2 // 3, "inbound": CLOSES // 3}
    # The kernel of a busy host finishes the last ones late.
    deadline = time.monotonic() + PATIENCE_SECONDS
    while totals(tables := watcher.tables()) != expected and time.monotonic() < deadline:
        time.sleep(TICK)
    assert totals(tables) == expected
    [outbound] = tables["outbound"].listed
    [inbound] = tables["inbound"].listed
    assert (outbound.entered_total, inbound.entered_total) == (CLOSES * 2 // 3, CLOSES // 3)


def test_what_was_there_before(lab: Lab) -> None:
    """Closes before the exporter's first sample are not counted: a counter starts at 0."""
    set_sysctl("ip_local_port_range", "40000 49999")
    for _ in range(5):
        time_wait_here(lab.connect(REMOTE))
    time.sleep(TICK)
    with open_observer() as observer:
        assert churn(observer, "outbound").entered_total == 0
        time_wait_here(lab.connect(REMOTE))
        time.sleep(TICK)
        assert churn(observer, "outbound").entered_total == 1


def test_minutes_that_begin_anew(lab: Lab, watcher: Observer) -> None:
    """A close counts once, however often stray segments start its TIME_WAIT again.

    They are answered with an ACK (tcp_timewait_state_process), to which the client's end, now gone,
    replies with an RST: with tcp_rfc1337 that ends nothing.
    """
    set_sysctl("tcp_rfc1337", 1)
    ports = range(OTHER_PORTS, OTHER_PORTS + 20)
    for port in ports:
        time_wait_there(lab.connect(REMOTE, LOCAL, port))
    time.sleep(TICK)
    assert churn(watcher, "inbound").entered_total == 20
    for _ in range(3):
        time.sleep(1.2)
        for port in ports:
            send_stray_ack((LOCAL, port), (REMOTE, SERVER_PORT))
        [pool] = watcher.tables()["inbound"].listed
        assert pool.usage.ages is not None
        assert closes_each_second(pool.usage.ages)[0] == 20, "their minutes began again"
        assert pool.entered_total == 20
        assert pool.outlook is not None
        assert pool.outlook.exhaustion_seconds == math.inf


def test_peak(lab: Lab, watcher: Observer) -> None:
    """The peak is the number of closes in the busiest second, although no sample was taken then."""
    start = time.monotonic()
    for _ in range(200):
        time_wait_here(lab.connect(REMOTE))
    # A burst may straddle the seconds that ages are counted in.
    assert time.monotonic() - start < 1
    assert 100 <= churn(watcher, "outbound").peak_closes <= 200
    pool = watcher.pool("outbound", LOCAL, REMOTE, str(SERVER_PORT))
    assert pool.outlook is not None
    assert 100 <= pool.outlook.peak_closes <= 200


def test_high_water_mark(lab: Lab, watcher: Observer) -> None:
    """The highest ratio that a sample saw stays for a minute."""
    pairs = [lab.connect(REMOTE) for _ in range(100)]
    high = watcher.tables()["outbound"].ratio_max
    for pair in pairs:
        time_wait_there(pair)
    table = watcher.tables()["outbound"]
    assert (table.ratio_max, table.ratio_max_1m) == (0, high)
    assert high == 100 / 10_000
