"""From real sockets to a receiver's message, with everything we ship in between."""

import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.live import loads
from tests.live.loads import Outcome

pytestmark = pytest.mark.time_limit(300)
COMM = Path("/proc/self/comm").read_text(encoding="utf-8").rstrip("\n")
LEAD = 20.0  # seconds promised before the first connect() fails
LOADS = (
    loads.steady_rise,
    loads.remote_write,
    loads.full_pool,
    loads.refusals,
    loads.balancer,
    loads.leak,
    loads.healthy,
)


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Future[Outcome]]]:
    """Run all loads at once, each on its own host: they mostly wait."""
    with ThreadPoolExecutor(len(LOADS)) as threads:
        yield {
            load.__name__: threads.submit(load, tmp_path_factory.mktemp(load.__name__))
            for load in LOADS
        }


@pytest.fixture
def outcome(request: pytest.FixtureRequest, outcomes: dict[str, Future[Outcome]]) -> Outcome:
    """Wait for the load that the test is named after."""
    return outcomes[request.node.name.removeprefix("test_")].result()


def test_steady_rise(outcome: Outcome) -> None:
    """Whoever is on call hears of exhaustion 20 s before the first connect() finds no port."""
    announced = outcome.inbox.wait_for("TcpPressurePoolExhaustionSoon")
    assert announced.receiver == "page"
    assert "First: 127.0.0.1 to 127.0.0.9 port 8080" in announced.description
    assert outcome.refused[0] - announced.at >= LEAD


def test_remote_write(outcome: Outcome) -> None:
    """An agent sends to a receiver, which evaluates all rules: the lead is the same promise.

    The agent runs with deploy/engines/agent.yml.
    """
    test_steady_rise(outcome)
    assert outcome.recorded


def test_full_pool(outcome: Outcome) -> None:
    """A full pool pages, its warning is inhibited and reaches nobody, and the page resolves."""
    critical = outcome.inbox.wait_for("TcpPressurePoolCritical")
    assert critical.receiver == "page"
    assert "127.0.0.1 to 127.0.0.9 port 8080" in critical.description
    assert outcome.suppressed
    assert "TcpPressurePoolHigh" not in outcome.inbox.names


@pytest.mark.bpf
def test_refusals(outcome: Outcome) -> None:
    """What the kernel refuses pages with the caller, the destination and the exact number.

    The canary, which finds the same, stays silent: one outage, one message.
    """
    told = outcome.inbox.wait_for("TcpPressureConnectsRefused")
    assert told.receiver == "page"
    number = re.search(r"Refused within 5 minutes: (\d+)\.", told.description)
    assert number
    assert 0 < int(number[1]) <= len(outcome.refused)
    assert f"({COMM}) to 127.0.0.9 port 8080: " in told.description or (
        f" {COMM} to 127.0.0.9 port 8080: " in told.description
    )
    assert "TcpPressureCanaryRefused" not in outcome.inbox.names


def test_balancer(outcome: Outcome) -> None:
    """A load balancer's ports in TIME_WAIT are reported by the name of its group, and resolve."""
    told = outcome.inbox.wait_for("TcpPressureInboundPoolHigh")
    assert told.receiver == "digest"
    assert "balancer to 127.0.0.10 port 8443" in told.description
    assert outcome.inbox.names == {"TcpPressureInboundPoolHigh"}


def test_leak(outcome: Outcome) -> None:
    """A leak of CLOSE_WAIT is a ticket that names its cause and its owner, and resolves."""
    told = outcome.inbox.wait_for("TcpPressureCloseWaitLeak")
    assert told.receiver == "ticket"
    assert "Cause of 150: eof_unread." in told.description
    assert "Most belong to " in told.description
    assert outcome.inbox.names == {"TcpPressureCloseWaitLeak"}


def test_healthy(outcome: Outcome) -> None:
    """Under a healthy mixed load nobody hears anything, although minutes are cut to six seconds."""
    assert outcome.inbox.received == []
