"""One cause is one trouble, however many symptoms it has."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.failures import FailureKind
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.findings.refusals import REFUSALS
from tcp_pressure_exporter.findings.table import FINDINGS
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.sample.counted.failures import FailureOwner
from tcp_pressure_exporter.verdict.actions import actions, part_subject
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.briefing import brief
from tcp_pressure_exporter.verdict.headline import headline
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, Refused
from tcp_pressure_exporter.verdict.troubles import severity_of_part, troubles
from tests.pages.report.observations import (
    CALM,
    CRITICAL,
    INFINITE,
    LEAK,
    QUEUE,
    UPSTREAM,
    WARNING,
    assessment,
)

NO_PORT, TAKEN = FailureKind("connect", "no_port"), FailureKind("connect", "port_taken")
BIND_NO_PORT = FailureKind("bind", "no_port")
NGINX, CURL = Owner("nginx.service", "nginx"), Owner("", "curl")
POOL = UPSTREAM._replace(local="10.0.0.2", remote="10.0.0.9:443", filling="")
SOURCE = Pressure("source", "10.0.0.2", 26_900, 28_232, WARNING, "Bind no port.", time_wait=25_500)
HELD = Pressure("blocked_ports", "", 28_232, 28_232, CRITICAL, "Free them.", blocked=True)
RANGE, REUSE = "port_range_too_small", "tw_reuse_off_under_pressure"


def finding(name: str, detail: str) -> FindingState:
    """Return a finding that found something."""
    (found,) = [one for one in FINDINGS if one.name == name]
    return FindingState(found, detail)


def another(remote: str, **changes: Any) -> Pressure:
    """Return a pool like POOL towards another destination."""
    return POOL._replace(**{"name": f"10.0.0.2 → {remote}", "remote": remote} | changes)


def refusal(
    kind: FailureKind, owner: Owner = NGINX, remote: str = "10.0.0.9", pool: str = ""
) -> Refusal:
    """Return 12 calls refused just now."""
    who = FailureOwner(kind, owner, "10.0.0.2", remote, "443")
    severity = REFUSALS[kind].severity
    return Refusal(kind, who, 12, 0.0, severity, REFUSALS[kind].advice, pool)


def refusing(*refusals: Refusal) -> Refused:
    return Refused(300.0, refusals)


def parts(found: Assessment) -> list[list[str]]:
    """Return the names of the parts of each trouble."""
    return [[part_subject(part) for part in one.parts] for one in troubles(found)]


def test_a_critical_pool() -> None:
    """The pool, its source pool and what follows from both are one trouble with one advice."""
    about = f"{POOL.name}: x"
    found = assessment(
        POOL, SOURCE, severity=CRITICAL, findings=(finding(RANGE, about), finding(REUSE, about))
    )
    assert parts(found) == [
        ["outbound pool 10.0.0.2 → 10.0.0.9:443", "source pool 10.0.0.2", RANGE, REUSE]
    ]
    assert headline(found) == (
        "Outbound pool 10.0.0.2 → 10.0.0.9:443 is 95 % full and will be full in 41 s at this rate."
    )
    assert [one.advice for one in actions(found)] == [POOL.advice]
    told = brief(found, 10)
    assert [row.pressure for row in told.closest.rows] == [POOL]
    assert told.with_it == {POOL: "source pool 10.0.0.2, 95 % full"}
    assert told.findings == ()
    assert [(one.name, one.action) for one in told.findings_of[POOL]] == [(RANGE, 1), (REUSE, 1)]


def test_findings_of_a_pool_that_is_calm() -> None:
    """Two findings about one pool are one warning, and each has its own advice."""
    calm = POOL._replace(severity=CALM, used=15_000)
    named = (finding(RANGE, f"{POOL.name} needs 1"), finding(REUSE, f"{POOL.name}: 1"))
    found = assessment(calm, severity=WARNING, findings=named)
    assert parts(found) == [[RANGE, REUSE]]
    assert [one.subjects for one in actions(found)] == [(RANGE,), (REUSE,)]
    assert [one.part_of for one in brief(found, 10).findings] == ["", RANGE]


def test_a_finding_about_another_pool() -> None:
    """A finding belongs to the pool it names, and not to one whose name begins the same."""
    other = another("10.0.0.9:4430", severity=CALM)
    found = assessment(
        POOL, other, severity=CRITICAL, findings=(finding(RANGE, f"{other.name} x"),)
    )
    assert [len(one.parts) for one in troubles(found)] == [1, 1]
    assert headline(found).endswith("Also: 1 warning.")


def test_the_worst_stands_first() -> None:
    """A critical pool comes before a leak that is a warning, a critical finding before both."""
    found = assessment(POOL, severity=CRITICAL, stuck=(LEAK,))
    assert brief(found, 10).order == ("closest", "stuck", "refused")
    found = assessment(POOL._replace(severity=WARNING), severity=WARNING, stuck=(LEAK,))
    assert headline(found).endswith("Also: 1 warning.")
    found = replace(found, severity=CRITICAL, findings=(finding("tw_recycle_enabled", "on"),))
    assert headline(found) == "tw_recycle_enabled: on. Also: 2 warnings."
    calm = assessment(POOL._replace(severity=CALM), severity=WARNING, stuck=(LEAK,))
    assert brief(calm, 10).order == ("stuck", "refused", "closest")


def test_refusals_of_a_full_pool() -> None:
    """A pool's refusals belong to it, whoever calls, and so do those without a caller."""
    full = POOL._replace(refused=True, seconds_left=0.0)
    others = refusal(NO_PORT)._replace(owner=None)
    calls = (refusal(NO_PORT, pool=POOL.name), refusal(NO_PORT, CURL, pool=POOL.name), others)
    found = assessment(full, severity=CRITICAL, refused=refusing(*calls))
    assert len(troubles(found)) == 1
    assert headline(found) == (
        "Outbound pool 10.0.0.2 → 10.0.0.9:443 is full: the kernel refused 36 connections in the"
        " last 5 min: nginx.service (nginx) 12, curl 12 and 1 more."
    )


def test_a_pool_that_has_room_again() -> None:
    """A pool that refused a connection within a minute, and has free ports now, was full."""
    pool = POOL._replace(refused=True, seconds_left=0.0, refused_ago=41.0)
    call = refusal(NO_PORT, pool=POOL.name)._replace(seconds_ago=41.0)
    assert headline(assessment(pool, severity=CRITICAL, refused=refusing(call))) == (
        "Outbound pool 10.0.0.2 → 10.0.0.9:443 was full 41 s ago: the kernel refused 12"
        " connections in the last 5 min: nginx.service (nginx)."
    )


def test_refusals_between_two_waves() -> None:
    """What was refused more than a minute ago still belongs to the pool that refused it."""
    old = refusal(NO_PORT)._replace(seconds_ago=90.0, severity=WARNING)
    found = assessment(POOL, severity=CRITICAL, refused=refusing(old))
    assert headline(found) == (
        "Outbound pool 10.0.0.2 → 10.0.0.9:443 is 95 % full and will be full in 41 s at this rate."
        " The kernel refused 12 connections in the last 5 min: nginx.service (nginx)."
    )


def test_refusals_come_before_a_forecast() -> None:
    """Of two critical troubles the one with refused calls comes first: users notice it."""
    unlisted = refusal(NO_PORT, remote="10.0.0.7")
    found = assessment(POOL, severity=CRITICAL, refused=refusing(unlisted))
    assert parts(found)[0] == ["nginx.service (nginx) → 10.0.0.7:443"]
    assert headline(found).endswith("Also: 1 more critical.")


@pytest.mark.parametrize(
    ("other", "one"),
    [
        (another("10.0.0.7:443"), True),  # nginx fills both
        (another("10.0.0.7:443", owners=(SeenOwner(CURL, 3),)), False),
        (another("10.0.0.7:443", owners=()), False),
        (another("10.0.0.9:443", name="10.0.0.3 → x", local="10.0.0.3", owners=()), True),
        (another("10.0.0.7:443", time_wait=0, filling="syn_sent"), False),
    ],
)
def test_two_pools(other: Pressure, one: bool) -> None:  # noqa: FBT001 - a case
    """Two pools are one trouble if one client, or one destination, fills them the same way."""
    found = assessment(POOL, other, severity=CRITICAL)
    assert len(troubles(found)) == (1 if one else 2)
    more = "The same cause fills 1 more pool." if one else "Also: 1 more critical."
    assert headline(found).endswith(more)


def test_ports_that_bound_sockets_hold() -> None:
    """Bound sockets that leave no port are the cause of every pool and every refusal."""
    pools = [another(f"10.0.0.{n}:443", blocked=True, owners=()) for n in (7, 8)]
    calls = (refusal(NO_PORT, CURL, "10.0.1.1"), refusal(BIND_NO_PORT))
    bound = finding("bind_before_connect", "28000 of 28232 local ports")
    found = assessment(HELD, *pools, severity=CRITICAL, refused=refusing(*calls), findings=(bound,))
    assert len(troubles(found)) == 1
    assert [one.advice for one in actions(found)] == [HELD.advice]
    assert headline(found) == (
        "All 28,232 local ports are held by bound sockets and listeners: every"
        " connect() fails. The kernel refused 12 connections in the last 5 min: curl."
        " That fills 2 pools."
    )


def test_refusals_that_nothing_ties() -> None:
    """Without blocked ports, calls of two clients to two destinations are two troubles."""
    calls = (refusal(NO_PORT, CURL, "10.0.1.1"), refusal(NO_PORT, remote="10.0.1.2"))
    found = assessment(severity=CRITICAL, refused=refusing(*calls))
    assert len(troubles(found)) == 2
    same = (refusal(TAKEN, remote=f"10.0.1.{n}") for n in range(9))
    assert len(troubles(assessment(severity=WARNING, refused=refusing(*same)))) == 1


def test_binds_that_find_no_port() -> None:
    """They belong to their address's source pool, and keep the advice that only they have."""
    full = SOURCE._replace(severity=CRITICAL, used=28_232)
    found = assessment(POOL, full, severity=CRITICAL, refused=refusing(refusal(BIND_NO_PORT)))
    assert len(troubles(found)) == 1
    said = [one.advice for one in actions(found)]
    assert said == [POOL.advice, full.advice, REFUSALS[BIND_NO_PORT].advice]


def test_a_leak_that_fills_a_pool() -> None:
    """If CLOSE_WAIT fills a pool, the leak and the pool are one."""
    leaking = POOL._replace(filling="close_wait", time_wait=0)
    found = assessment(leaking, severity=CRITICAL, stuck=(LEAK,))
    assert parts(found) == [[part_subject(leaking), "CLOSE_WAIT (read, but not closed)"]]
    gone = Stuck("peer_gone", 200, 90.0, WARNING, "Wait.")
    assert len(troubles(replace(found, stuck=(LEAK, gone)))) == 2


def test_a_queue_that_nobody_empties() -> None:
    """What a full queue drops, and what waits in it for accept(), belong to the queue."""
    dropped = finding("accept_queue_overflows", "ListenOverflows rose by 9 within 60 s")
    cut = finding("somaxconn_below_backlog", "net.core.somaxconn = 128")
    waiting = Stuck("eof_unread", 129, 90.0, WARNING, "Accept.", never_accepted=129)
    found = assessment(QUEUE, severity=WARNING, stuck=(waiting,), findings=(dropped, cut))
    assert len(troubles(found)) == 1
    assert [one.subjects for one in actions(found)] == [
        ("accept queue 0.0.0.0:8080",),
        ("CLOSE_WAIT (never accepted)",),
        ("somaxconn_below_backlog",),
    ]


def test_a_gateway() -> None:
    """Conntrack's drops belong to its full table; two NAT pools to one destination are one."""
    table = Pressure("conntrack_entries", "", 950, 1000, CRITICAL, "Raise it.")
    drops = finding("conntrack_drops", "nf_conntrack_drop rose by 99 within 60 s")
    nat = [
        Pressure("nat", f"203.0.113.{n} → x", 9, 10, WARNING, "Spread.", remote="192.0.2.1:443")
        for n in (1, 2)
    ]
    found = assessment(table, *nat, severity=CRITICAL, findings=(drops,))
    assert [len(one.parts) for one in troubles(found)] == [2, 2]


def test_remotes() -> None:
    """One balancer pressing two services is one trouble, with what TIME_WAIT refuses it."""
    pools = [
        Pressure("inbound", f"lb → 10.0.0.2:{port}", 95, 100, WARNING, "Ask it.", remote="lb")
        for port in (80, 443)
    ]
    refused = finding("time_wait_rejections", "PAWSActive rose by 70 within 60 s")
    found = assessment(*pools, severity=WARNING, findings=(refused,))
    assert len(troubles(found)) == 1


def test_findings_know_what_they_are_about() -> None:
    """A finding is about a kind of resource; one that repeats advice is about at least one."""
    for one in FINDINGS:
        assert set(one.about) <= KINDS.keys()
        assert one.about or not one.restates


PRESSURES = st.builds(
    Pressure,
    kind=st.sampled_from(sorted(KINDS)),
    name=st.sampled_from(["", "a", "a → b:1", "b → b:1"]),
    used=st.integers(0, 1000),
    limit=st.just(1000),
    severity=st.sampled_from([CALM, WARNING, CRITICAL]),
    advice=st.sampled_from(["x", "y", "z"]),
    time_wait=st.one_of(st.none(), st.integers(0, 1000)),
    seconds_left=st.sampled_from([None, 0.0, 41.7, INFINITE]),
    refused=st.booleans(),
    steady_state_ratio=st.sampled_from([None, 0.5, 1.26]),
    search_seconds=st.none(),
    refused_ago=st.floats(0, 60),
    filling=st.sampled_from(["", "open", "close_wait", "syn_sent", "fin_wait2_orphan"]),
    owners=st.sampled_from([(), (SeenOwner(NGINX, 3),), (SeenOwner(Owner("", ""), 3),)]),
    local=st.sampled_from(["", "a"]),
    remote=st.sampled_from(["", "b:1", "c:1"]),
    blocked=st.booleans(),
)
REFUSED_CALLS = st.builds(
    refusal,
    kind=st.sampled_from(sorted(REFUSALS)),
    owner=st.sampled_from([NGINX, CURL, Owner("", "")]),
    remote=st.sampled_from(["10.0.0.9", "10.0.0.7"]),
    pool=st.sampled_from(["", "a → b:1"]),
)
FOUND = st.builds(FindingState, st.sampled_from(FINDINGS), st.sampled_from(["x", "a → b:1: x"]))


@given(
    st.lists(PRESSURES, max_size=12),
    st.lists(REFUSED_CALLS, max_size=6),
    st.lists(FOUND, max_size=8),
    st.booleans(),
)
def test_nothing_is_lost(
    pressures: list[Pressure],
    calls: list[Refusal],
    findings: list[FindingState],
    leaks: bool,  # noqa: FBT001
) -> None:
    """Each thing wrong is in one trouble, the worst first, and has an action."""
    found = assessment(
        *pressures,
        severity=CRITICAL,
        stuck=(LEAK,) if leaks else (),
        findings=tuple(findings),
        refused=refusing(*calls),
    )
    wrong = [one for one in pressures if one.urgent]
    all_parts = [part for one in troubles(found) for part in one.parts]
    assert len(all_parts) == len(wrong) + len(calls) + len(findings) + leaks
    worst = [one.severity for one in troubles(found)]
    assert worst == sorted(worst, reverse=True)
    said = {action.advice for action in actions(found)}
    for one in troubles(found):
        assert one.severity == max(map(severity_of_part, one.parts))
        for part in one.parts:
            teller = one.teller(part)
            assert (
                teller.finding.advice if isinstance(teller, FindingState) else teller.advice
            ) in said
    told = brief(replace(found, severity=max(worst, default=CALM)), 10)
    assert len(told.all_findings) == len(findings)
