"""What to do, most urgent first, each piece of advice once."""

from tcp_pressure_exporter.verdict.actions import Action, actions
from tests.pages.report.observations import (
    CALM,
    CLIENTS,
    CRITICAL,
    LEAK,
    ODD_RANGE,
    QUEUE,
    SMALL_RANGE,
    UNREAD,
    UPSTREAM,
    WARNING,
    assessment,
)

POOL = "outbound pool 10.0.0.2 → 10.0.0.9:443"
QUEUES = "accept queue 0.0.0.0:8080"
POOLS_RUNBOOK = "docs/runbooks/pools.md#tcppressurepoolhigh"
QUEUES_RUNBOOK = "docs/runbooks/inbound.md#tcppressurelistenqueuehigh"
LEAK_RUNBOOK = "docs/runbooks/stuck.md#tcppressureclosewaitleak"


def test_order() -> None:
    """By severity; within one, resources come before stuck connections and findings."""
    found = assessment(QUEUE, UPSTREAM, stuck=(LEAK,), findings=(ODD_RANGE, SMALL_RANGE))
    assert actions(found) == (
        Action(CRITICAL, (POOL,), "Keep connections open.", POOLS_RUNBOOK),
        Action(WARNING, (QUEUES,), "Accept sooner.", QUEUES_RUNBOOK),
        Action(WARNING, ("CLOSE_WAIT (read, but not closed)",), "Restart it.", LEAK_RUNBOOK),
        Action(WARNING, ("small_range",), "Add addresses.", "docs/findings.md#small_range"),
        Action(CALM, ("odd_range",), "Make it even.", "docs/findings.md#odd_range"),
    )


def test_calm_needs_nothing() -> None:
    """Nothing needs doing about what is calm, except what findings advise."""
    assert actions(assessment(CLIENTS, stuck=(UNREAD,))) == ()
    assert [a.subjects for a in actions(assessment(findings=(ODD_RANGE,)))] == [("odd_range",)]


def test_each_advice_once() -> None:
    """Several things with the same remedy are one action, as urgent as the most urgent of them."""
    other = QUEUE._replace(name="0.0.0.0:9", severity=CRITICAL)
    third = QUEUE._replace(name="0.0.0.0:10")
    assert actions(assessment(QUEUE, other, third)) == (
        Action(
            CRITICAL,
            ("accept queue 0.0.0.0:9", QUEUES, "accept queue 0.0.0.0:10"),
            "Accept sooner.",
            QUEUES_RUNBOOK,
        ),
    )
