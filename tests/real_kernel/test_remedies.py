"""What a remedy was projected to do is what it does to real pools.

With tcp_tw_reuse = 1 a port is free again after a second, so a pool reaches the level of its rate
within seconds. The range is so wide that hardly any entry is taken over while its age counts.
"""

import time
from collections import deque
from collections.abc import Callable
from itertools import cycle
from typing import NamedTuple

import pytest

from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.remedies import (
    KeepAlive,
    LocalRange,
    MoreAddresses,
    Remedy,
    TimeWaitTakeOver,
)
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.details.what_if import what_if
from tcp_pressure_exporter.verdict.pressures import pressures
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, Pair, time_wait_here
from tests.support.labs.network_namespace import add_address, set_sysctl

LOCAL, REMOTE, OTHER = "10.99.0.2", "10.99.0.9", "10.99.0.10"
RATE = 100.0  # closes a second
LIVE = 40
LOW, HIGH, LOWER = 40_000, 59_999, 20_000
SETTLED = 12.0  # seconds: the forecast looks at the last ten
LATE = 0.05  # seconds: five ports
MOST_SECONDS = 30


class Pool(NamedTuple):
    """A lab, and its connections that stay open."""

    lab: Lab
    live: list[Pair]


@pytest.fixture
def pool(lab: Lab) -> Pool:
    """Give 20,000 ports, a few live connections, and the addresses."""
    set_sysctl("ip_local_port_range", f"{LOW} {HIGH}")
    for address in (LOCAL, REMOTE, OTHER):
        add_address(f"{address}/32")
    return Pool(lab, [lab.connect(REMOTE, LOCAL) for _ in range(LIVE)])


def load(lab: Lab, seconds: float, rate: float, *remotes: str) -> float:
    """Connect and close at an even rate; return how late the latest of the last second was."""
    start, late = time.monotonic(), deque([0.0], maxlen=int(rate))
    for number, remote in zip(range(int(seconds * rate)), cycle(remotes), strict=False):
        due = start + number / rate
        time.sleep(max(0.0, due - time.monotonic()))
        time_wait_here(lab.connect(remote, LOCAL))
        late.append(time.monotonic() - due)
    return max(late)


def ask(sample: NamespaceSample, remedy: Remedy) -> float:
    """Return the ratio that a remedy is projected to lead to."""
    name = f"{LOCAL} → {REMOTE}:{SERVER_PORT}"
    mine = [one for one in pressures(sample) if (one.kind, one.name) == (OUTBOUND, name)]
    (found,) = what_if(sample, mine, [remedy])
    assert found.projection is not None, found.words
    return found.projection.ratio


def ports_used(observer: Observer) -> tuple[int, float]:
    """Return how many ports of the pool are used now, and the ratio."""
    usage = observer.pool(OUTBOUND, LOCAL, REMOTE, str(SERVER_PORT)).usage
    return usage.used, usage.ratio


def reached(pool: Pool, observer: Observer, seconds: float, rate: float, *remotes: str) -> float:
    """Return the pool's ratio at the end of a load.

    Ports of the last second count. Where the test waited for a CPU, they are other ones than those
    of the rate: the load then goes on for a second.
    """
    for _ in range(MOST_SECONDS):
        late, ended = load(pool.lab, seconds, rate, *remotes), time.monotonic()
        ratio = ports_used(observer)[1]
        if late + time.monotonic() - ended < LATE:
            return ratio
        seconds = 1.0
    pytest.fail(f"no second without waiting for a CPU in {MOST_SECONDS}")


def half_of_the_live_go(pool: Pool) -> None:
    """Imitate live connections that have been re-established over two addresses."""
    for pair in pool.live[: LIVE // 2]:
        time_wait_here(pair)


class Case(NamedTuple):
    """A remedy, how it is applied, and the load afterwards."""

    remedy: Remedy
    apply: Callable[[Pool], None]
    rate: float
    remotes: tuple[str, ...]


CASES = (
    Case(
        LocalRange(LOWER, HIGH),
        lambda _pool: set_sysctl("ip_local_port_range", f"{LOWER} {HIGH}"),
        RATE,
        (REMOTE,),
    ),
    Case(KeepAlive(0.5), lambda _pool: None, RATE / 2, (REMOTE,)),
    Case(MoreAddresses(1), half_of_the_live_go, RATE, (REMOTE, OTHER)),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.remedy.text)
def test_comes_true(pool: Pool, observer: Observer, case: Case) -> None:
    """The pool reaches what was projected, within a tenth."""
    set_sysctl("tcp_tw_reuse", 1)
    load(pool.lab, SETTLED, RATE, REMOTE)
    promised = ask(observer.sample(), case.remedy)
    case.apply(pool)
    ratio = reached(pool, observer, 4.0, case.rate, *case.remotes)
    assert ratio == pytest.approx(promised, rel=0.1)


def test_take_over_comes_true(pool: Pool, observer: Observer) -> None:
    """With tcp_tw_reuse = 1 only the ports of the last second are used, as was projected."""
    set_sysctl("tcp_tw_reuse", 0)
    load(pool.lab, SETTLED, RATE, REMOTE)
    assert ports_used(observer)[0] >= SETTLED * RATE
    promised = ask(observer.sample(), TimeWaitTakeOver())
    set_sysctl("tcp_tw_reuse", 1)
    assert reached(pool, observer, 3.0, RATE, REMOTE) == pytest.approx(promised, rel=0.1)
