"""Figures and owners in words."""

import pytest

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.figures import counted, duration, percent, short_time
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.sample.close_wait import RemoteCount
from tcp_pressure_exporter.verdict.resources import heads_for, search, time_left, used_of_limit
from tcp_pressure_exporter.verdict.words import (
    capitalised,
    last_hour,
    owners_words,
    remotes_words,
    urgency,
)
from tests.pages.report.observations import INFINITE, MEMORY, QUEUE, UPSTREAM


@pytest.mark.parametrize(
    ("ratio", "text"),
    [
        (0, "0 %"),
        (0.00001, "<1 %"),
        (0.0099, "<1 %"),
        (0.01, "1 %"),
        (0.7, "70 %"),
        (0.999, "99 %"),
        (1, "100 %"),
        (2.5, "250 %"),
    ],
)
def test_percent(ratio: float, text: str) -> None:
    """Only what is full is 100 %, and only what is entirely unused is 0 %."""
    assert percent(ratio) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.000_009, "0.01 ms"), (0.000_94, "0.94 ms"), (0.001_44, "1.4 ms"), (0.012_3, "12 ms")],
)
def test_short_time(seconds: float, text: str) -> None:
    """A time of about a millisecond has two or three digits."""
    assert short_time(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "text"), [(None, ""), (0.0014, "connect() now takes 1.4 ms to find a port")]
)
def test_search(seconds: float | None, text: str) -> None:
    """The price of fullness is given if the kernel was asked."""
    assert search(UPSTREAM._replace(search_seconds=seconds)) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "under 1 s"),
        (1, "1 s"),
        (119.9, "119 s"),
        (120, "2 min"),
        (7199, "119 min"),
        (7200, "2 h"),
        (172_799, "47 h"),
        (172_800, "2 days"),
    ],
)
def test_duration(seconds: float, text: str) -> None:
    """A duration is rounded down, to two figures if possible."""
    assert duration(seconds) == text


@pytest.mark.parametrize(
    ("seconds", "refused", "text"),
    [
        (None, False, "unknown"),
        (INFINITE, False, "over 10 min"),
        (41.7, False, "41 s"),
        (0.0, False, "full now"),
        (INFINITE, True, "full now"),
    ],
)
def test_time_left(seconds: float | None, refused: bool, text: str) -> None:  # noqa: FBT001 - a case
    """Not in sight, unknown and full differ."""
    assert time_left(UPSTREAM._replace(seconds_left=seconds, refused=refused)) == text


def test_full_a_while_ago() -> None:
    """A pool that refused a connection and has room again was full; just after, it still is."""
    refused = UPSTREAM._replace(seconds_left=0.0, refused=True)
    assert time_left(refused._replace(refused_ago=41.0)) == "full 41 s ago"
    assert time_left(refused._replace(refused_ago=2.0)) == "full now"


@pytest.mark.parametrize(
    ("ratio", "seconds", "text"),
    [
        (None, None, ""),
        (1.26, 41.7, "126 %"),
        (0.98, 15.0, ""),
        (0.85, INFINITE, "85 %"),
        (3.72, INFINITE, ""),
        (3.72, 0.0, "372 %"),
        (1.26, None, "126 %"),
    ],
)
def test_heads_for(ratio: float | None, seconds: float | None, text: str) -> None:
    """Where the rate leads and how long the pool lasts agree: a burst has only the latter.

    If it fills the pool, a lower end is no comfort; once it is over, it leads nowhere.
    """
    pool = UPSTREAM._replace(steady_state_ratio=ratio, seconds_left=seconds)
    assert heads_for(pool) == text


def test_used_of_limit() -> None:
    """Memory is in MiB; everything else is a count."""
    assert used_of_limit(QUEUE) == "129 / 128"
    assert used_of_limit(UPSTREAM) == "26,822 / 28,232"
    assert used_of_limit(MEMORY) == "2 / 2,249 MiB"


def test_owners() -> None:
    """An owner is a service, a process or both."""
    owners = [("nginx.service", "nginx", 1204), ("a.service", "", 2), ("", "curl", 1)]
    counts = [OwnerCount(Owner(service, process), count) for service, process, count in owners]
    assert owners_words(counts) == "nginx.service (nginx) 1,204, a.service 2, curl 1"
    assert owners_words([]) == ""


def test_counted() -> None:
    """One is singular."""
    assert [counted(n, "warning") for n in (0, 1, 1200)] == [
        "0 warnings",
        "1 warning",
        "1,200 warnings",
    ]


def test_remotes() -> None:
    """A remote is shown with the number of sockets towards it."""
    remotes = [RemoteCount("10.0.0.7", 1_204), RemoteCount("balancers", 1)]
    assert remotes_words(remotes) == "10.0.0.7 1,204, balancers 1"


def test_urgency() -> None:
    """What is calm can wait."""
    words = [urgency(severity) for severity in (Severity.CALM, Severity.WARNING, Severity.CRITICAL)]
    assert words == ["later", "warning", "critical"]


def test_capitalised() -> None:
    """The first letter becomes a capital, and a capital stays one."""
    words = ["outbound pool", "NAT pool", ""]
    assert list(map(capitalised, words)) == ["Outbound pool", "NAT pool", ""]


def test_last_hour() -> None:
    """An hour is described by its first, last and highest values."""
    words = "last hour: from 10 % to 20 %, peak 50 %"
    assert last_hour([0.1, 0.5, 0.2], percent) == words
