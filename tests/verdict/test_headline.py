"""The sentence under the verdict."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.headline import headline
from tests.pages.report.observations import (
    BLIND,
    CLIENTS,
    CRITICAL,
    INFINITE,
    LEAK,
    MEMORY,
    QUEUE,
    SMALL_RANGE,
    UPSTREAM,
    WARNING,
    assessment,
)

THAT_SAY = "that say which ports connections may use"
MORE = "Also: 1 more critical, 1 warning."
POOL = "Outbound pool 10.0.0.2 → 10.0.0.9:443"


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (assessment(CLIENTS), "All is calm: nothing is near its limit."),
        (
            assessment(CLIENTS, failures=(("limits", "absent"),)),
            "As far as it could be read, all is calm: nothing is near its limit.",
        ),
        (
            replace(assessment(CLIENTS), not_looked_at=1),
            (
                "All is calm here: nothing is near its limit."
                " Not looked at: 1 other network namespace."
            ),
        ),
        (BLIND, "The sockets could not be read, so there is no verdict."),
        (
            replace(BLIND, sockets_read=True),
            f"The sockets could be read, but not the settings {THAT_SAY}, so there is no verdict.",
        ),
        (
            assessment(UPSTREAM, severity=CRITICAL),
            f"{POOL} is 95 % full and will be full in 41 s at this rate.",
        ),
        (
            assessment(UPSTREAM._replace(seconds_left=INFINITE), severity=CRITICAL),
            f"{POOL} is 95 % full.",
        ),
        (
            assessment(UPSTREAM._replace(seconds_left=0.0), severity=CRITICAL),
            f"{POOL} is full.",
        ),
        (
            assessment(UPSTREAM._replace(refused=True), severity=CRITICAL),
            f"{POOL} is full: the kernel has no port left for a new connection.",
        ),
        (
            assessment(UPSTREAM, UPSTREAM._replace(name="b", owners=()), QUEUE, severity=CRITICAL),
            f"{POOL} is 95 % full and will be full in 41 s at this rate. {MORE}",
        ),
        (assessment(QUEUE, severity=WARNING), "Accept queue 0.0.0.0:8080 is 100 % full."),
        (
            assessment(MEMORY, severity=WARNING, stuck=(LEAK,)),
            "140 connections are stuck in CLOSE_WAIT, the oldest for at least 31 min.",
        ),
        (
            assessment(MEMORY, severity=WARNING, findings=(SMALL_RANGE,)),
            "small_range: has 28,232 local ports; needs 35,604.",
        ),
    ],
)
def test_sentence(found: Assessment, sentence: str) -> None:
    """It names the worst, and how much else there is."""
    assert headline(found) == sentence
