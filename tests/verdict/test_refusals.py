"""Whose calls were refused, towards what, how many, and what comes first."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.failures import FailureKind
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.refusals import REFUSALS, REFUSED_BELOW_LIMIT
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.sample.counted.failures import (
    FailureOwner,
    PortFailures,
    RecentCount,
    RecentFailures,
)
from tcp_pressure_exporter.sample.sample import NamespaceSample, Sample
from tcp_pressure_exporter.verdict.actions import actions
from tcp_pressure_exporter.verdict.assessment import Assessment, assess
from tcp_pressure_exporter.verdict.headline import headline, status_line
from tcp_pressure_exporter.verdict.refusals import none_refused, refused_words
from tcp_pressure_exporter.verdict.troubles import troubles
from tests.support.fakes import evidence
from tests.support.fakes.samples import namespace_sample

INFINITE = float("inf")
NO_PORT, TAKEN = FailureKind("connect", "no_port"), FailureKind("connect", "port_taken")
BIND_NO_PORT, BIND_TAKEN = FailureKind("bind", "no_port"), FailureKind("bind", "port_taken")
NGINX = Owner("nginx.service", "nginx")
CURL = Owner("", "curl")
FOUND_NONE = "no local port was left"
CONNECTED = "the port it bound already has a connection to that destination"


def owner(
    whose: Owner = NGINX, kind: FailureKind = NO_PORT, remote: str = "10.0.0.9", port: str = "443"
) -> FailureOwner:
    return FailureOwner(kind, whose, "10.0.0.2", remote, port)


def recent(seconds: float = 300.0, /, **others: RecentCount) -> RecentFailures:
    return RecentFailures(seconds, {}, {FailureKind("connect", k): n for k, n in others.items()})


def sample(found: RecentFailures, *pools: ListedPool) -> NamespaceSample:
    ratio = max((pool.usage.ratio for pool in pools), default=0.0)
    table = PoolTable(len(pools), ratio, ratio, pools, 0, 0)
    return namespace_sample(
        pools=Outcome(0.0, {OUTBOUND: table}),
        failures=Outcome(0.0, PortFailures({}, {}, {}, found)),
    )


def assessed(
    counts: dict[FailureOwner, RecentCount], *pools: ListedPool, seconds: float = 300.0
) -> Assessment:
    return assess(sample(RecentFailures(seconds, counts), *pools))


def pool(used: int) -> ListedPool:
    """Return the pool 10.0.0.2 → 10.0.0.9:443 with so many of 1000 ports in use."""
    return replace(evidence.pool(used), outlook=Outlook(INFINITE, used / 1000, 10.0, 2))


@pytest.mark.parametrize("used", [1000, 40])
def test_pool_that_refuses(used: int) -> None:
    """A pool that refuses is full, whatever use is known, and the sentence says whose calls."""
    found = assessed({owner(): RecentCount(1177, 2.0)}, pool(used))
    assert found.verdict == "critical"
    assert headline(found) == (
        "Outbound pool 10.0.0.2 → 10.0.0.9:443 is full: the kernel refused 1,177 connections in"
        " the last 5 min: nginx.service (nginx)."
    )
    [pressure] = found.pressures
    assert (pressure.refused, pressure.seconds_left, pressure.used) == (True, 0.0, used)


def test_several_callers() -> None:
    """Several callers of one pool are listed with their counts, most first."""
    counts = {owner(CURL): RecentCount(7, 2.0), owner(): RecentCount(1177, 2.0)}
    found = headline(assessed(counts, pool(1000)))
    assert found.endswith(
        "the kernel refused 1,184 connections in the last 5 min: nginx.service (nginx) 1,177,"
        " curl 7."
    )


def test_it_counts_once() -> None:
    """A full pool and the refusals that show it are one trouble with one advice."""
    found = assessed({owner(): RecentCount(5, 0.0)}, pool(1000))
    assert [trouble.severity for trouble in troubles(found)] == [Severity.CRITICAL]
    assert [action.subjects for action in actions(found)] == [
        ("outbound pool 10.0.0.2 → 10.0.0.9:443",)
    ]


def test_advice_below_the_limit() -> None:
    """If the ports in use do not explain it, the advice is the finding's."""
    few, many = (assessed({owner(): RecentCount(5, 0.0)}, pool(n)) for n in (40, 1000))
    assert few.pressures[0].advice == REFUSED_BELOW_LIMIT.advice
    assert many.pressures[0].advice.startswith("Most ports are held by open connections")


@pytest.mark.parametrize(
    ("kind", "ends", "what", "why"),
    [
        (NO_PORT, ("10.0.0.9", "443"), "connect to 10.0.0.9:443: 3 connections", FOUND_NONE),
        (NO_PORT, ("lb", "443"), "connect to lb:443: 3 connections", FOUND_NONE),
        (NO_PORT, ("2001:db8::9", "1"), "connect to [2001:db8::9]:1: 3 connections", FOUND_NONE),
        (TAKEN, ("10.0.0.9", "443"), "connect to 10.0.0.9:443: 3 connections", CONNECTED),
        (BIND_NO_PORT, ("", "0"), "bind a port of 10.0.0.2: 3 calls", FOUND_NONE),
        (BIND_TAKEN, ("", "8080"), "bind 10.0.0.2:8080: 3 calls", "the port is taken"),
    ],
)
def test_no_listed_pool(kind: FailureKind, ends: tuple[str, str], what: str, why: str) -> None:
    """What no listed pool covers stands alone: who could not do what, how often, and why."""
    found = assessed({owner(kind=kind, remote=ends[0], port=ends[1]): RecentCount(3, 0.0)})
    sentence = f"nginx.service (nginx) could not {what} refused in the last 5 min, because {why}."
    assert headline(found) == sentence
    assert found.severity is REFUSALS[kind].severity
    [action] = actions(found)
    assert action.runbook.startswith("docs/runbooks/refused.md#")


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(300.0, "5 min"), (296.0, "5 min"), (119.4, "119 s"), (179.4, "2 min"), (0.3, "1 s")],
)
def test_how_long(seconds: float, told: str) -> None:
    """The sentence says for how long calls were counted."""
    found = assessed({owner(CURL): RecentCount(1, 0.0)}, seconds=seconds)
    assert f"1 connection refused in the last {told}," in headline(found)


def test_over() -> None:
    """What was refused more than a minute ago is a warning, and its pool is not full."""
    found = assessed({owner(): RecentCount(9, 70.0)}, pool(40))
    assert found.verdict == "warning"
    assert not found.pressures[0].refused
    assert headline(found).startswith("nginx.service (nginx) could not connect to 10.0.0.9:443:")


def test_nobody_known() -> None:
    """Callers without a name, and those beyond the limit, are shown all the same."""
    found = headline(assessed({owner(Owner("", "")): RecentCount(1, 0.0)}))
    assert found.startswith("An unknown process could not connect to 10.0.0.9:443: 1 connection")
    many = headline(assess(sample(recent(no_port=RecentCount(12, 0.0)))))
    assert many.startswith(
        "Others could not connect to several destinations: 12 connections refused"
    )


def test_hostile_name() -> None:
    """A process is called by its own name."""
    name = "x\\n\\x1b[31m→ {0}"
    assert headline(assessed({owner(Owner("", name)): RecentCount(1, 0.0)})).startswith(name)


def test_rows() -> None:
    """Worst first, ten at most, with how many calls are left out."""
    counts = {owner(Owner("", f"p{n}")): RecentCount(n, 0.0) for n in range(1, 13)}
    counts[owner(CURL, TAKEN)] = RecentCount(5000, 125.0)
    words = refused_words(assessed(counts).refused)
    assert words
    assert words.title == "Refused for lack of a port in the last 5 min"
    assert [row.refused for row in words.rows[:2]] == ["12", "11"]
    assert (len(words.rows), words.rest) == (10, "and 5,003 calls by others")


def test_when() -> None:
    """What the newest sample counted is new; otherwise the line says how long ago it was."""
    counts = {owner(): RecentCount(2, 0.0), owner(CURL, TAKEN): RecentCount(1, 125.0)}
    words = refused_words(assessed(counts).refused)
    assert words
    assert [(row.last, row.severity) for row in words.rows] == [
        ("just now", "critical"),
        ("2 min ago", "warning"),
    ]


def test_nothing_refused() -> None:
    """If nothing was refused all is calm, and it can be said for how long calls were counted."""
    found = assessed({}, seconds=1.07)
    assert (found.verdict, refused_words(found.refused)) == ("calm", None)
    assert none_refused(found.refused) == (
        "No connection was refused for lack of a port while this report looked (1.1 s)."
    )


def test_nobody_counts() -> None:
    """If nothing counts calls there is nothing to say, not even that nothing was refused."""
    found = assess(namespace_sample(pools=Outcome(0.0, {})))
    assert (found.refused, refused_words(found.refused), none_refused(found.refused)) == (
        None,
        None,
        "",
    )


def test_status_line() -> None:
    """The line for systemd says whose connections are refused, ahead of the fullest pool."""
    shown = sample(RecentFailures(300.0, {owner(): RecentCount(1177, 0.0)}), pool(1000))
    assert status_line(Sample(0.0, 0.0, 0.0, 5.0, 5.0, (shown,))) == (
        "Refused 1,177 connections in the last 5 min: nginx.service (nginx) → 10.0.0.9:443"
    )
