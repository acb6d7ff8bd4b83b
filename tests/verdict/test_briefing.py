"""What a page is given to lay out."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.verdict.briefing import brief
from tests.pages.report.observations import (
    BLIND,
    CLIENTS,
    LEAK,
    ODD_RANGE,
    QUEUE,
    QUIET,
    SMALL_RANGE,
    TROUBLE,
    WAITING,
    WARNING,
    assessment,
)


def test_actions_are_numbered() -> None:
    """Each thing to do has a number, which findings point to."""
    told = brief(TROUBLE, 10)
    assert [(action.number, action.urgency) for action in told.actions] == [
        (1, "critical"),
        (2, "warning"),
        (3, "warning"),
        (4, "warning"),
        (5, "later"),
    ]
    assert [(found.name, found.urgency, found.action) for found in told.findings] == [
        ("small_range", "warning", 4),
        ("odd_range", "later", 5),
    ]


def test_findings_with_one_advice() -> None:
    """Two findings that advise the same point to one action."""
    found = assessment(severity=WARNING, findings=(SMALL_RANGE, SMALL_RANGE, ODD_RANGE))
    told = brief(found, 10)
    assert [finding.action for finding in told.findings] == [1, 1, 2]
    assert told.actions[0].subjects == "small_range, small_range"


def test_a_few_subjects_are_named() -> None:
    """Of those that need the same, three are named and the others are counted."""
    queues = [QUEUE._replace(name=f"0.0.0.0:{port}") for port in range(8001, 8006)]
    (action,) = brief(assessment(*queues, severity=WARNING), 10).actions
    assert action.subjects == (
        "accept queue 0.0.0.0:8001, accept queue 0.0.0.0:8002, accept queue 0.0.0.0:8003 and 2 more"
    )


def test_what_can_wait() -> None:
    """Advice that can wait says so; other advice is as it is."""
    told = brief(assessment(QUEUE, severity=WARNING, findings=(ODD_RANGE,)), 10)
    assert [action.unhurried_advice for action in told.actions] == [
        "Accept sooner.",
        "when there is time: Make it even.",
    ]
    assert told.actions[1].advice == "Make it even."


def test_failures() -> None:
    """What could not be read is listed by collector and by reason."""
    told = brief(TROUBLE, 10)
    reason = "/proc/net/sockstat: absent"
    assert told.failures == (("limits", reason), ("findings", reason))
    assert told.failures_by_reason == (("limits, findings", reason),)


def test_stuck() -> None:
    """Stuck connections are listed by cause, then by owner, as far as that is known."""
    stuck = brief(TROUBLE, 10).stuck
    assert stuck is not None
    assert stuck.urgent
    assert [tuple(cause) for cause in stuck.causes] == [
        ("read, but not closed", "140", "at least 31 min", True, "warning"),
        ("not read to the end", "1", "at least 59 s", False, "calm"),
    ]
    assert stuck.totals == "140 read, but not closed; 1 not read to the end"
    assert stuck.owners == ("owners", "api.service 140")
    assert stuck.remotes == ("owner unknown, by remote", "10.0.0.7 1")


@pytest.mark.parametrize(("seconds", "age"), [(0.0, "just seen"), (1.0, "at least 1 s")])
def test_age_of_the_stuck(seconds: float, age: str) -> None:
    """How long it has been stuck is known once it has been seen for a second."""
    leak = LEAK._replace(oldest_seconds=seconds)
    stuck = brief(assessment(stuck=(leak,), close_wait=WAITING), 10).stuck
    assert stuck is not None
    assert [cause.oldest for cause in stuck.causes] == [age]


def test_nobody_known_to_be_stuck() -> None:
    """If neither an owner nor a remote is known, there is nothing to say about them."""
    nobody = replace(WAITING, owners=(), remotes=())
    stuck = brief(assessment(stuck=(LEAK,), close_wait=nobody), 10).stuck
    assert stuck is not None
    assert (stuck.owners, stuck.remotes) == (None, None)
    assert brief(QUIET, 10).stuck is None


def test_verdict() -> None:
    """The verdict is a word and the sentence it rests on."""
    assert brief(assessment(CLIENTS), 10).verdict == (
        "calm",
        "All is calm: nothing is near its limit.",
    )
    assert brief(BLIND, 10).verdict.word == "unknown"
