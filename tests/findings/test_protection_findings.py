"""Each finding about protection, turned on and off at its limits."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.findings import protection as findings
from tcp_pressure_exporter.findings.evidence import Evidence, QueuePeak
from tests.support.fakes.evidence import (
    ORDINARY,
    conntrack,
    known,
    listener,
    rises,
    with_sysctls,
)
from tests.support.fakes.tallies import bound_tally

DAY = 86400
ESTABLISHED = "nf_conntrack_tcp_timeout_established"


def with_conntrack(used: int, limit: int = 1000, /, **sysctls: int | None) -> Evidence:
    return with_sysctls(replace(ORDINARY, resources=conntrack(used, limit)), **sysctls)


def with_listeners(somaxconn: int | None, *listeners: BoundSocket) -> Evidence:
    return with_sysctls(replace(ORDINARY, bound=known(bound_tally(listeners))), somaxconn=somaxconn)


def with_rising(rfc1337: int, *events: str) -> Evidence:
    return with_sysctls(
        replace(ORDINARY, rises=rises(**dict.fromkeys(events, 1))), tcp_rfc1337=rfc1337
    )


@pytest.mark.parametrize(
    ("check", "name", "bad", "good"),
    [
        (findings.timestamps_disabled, "tcp_timestamps", [0], [1, 2]),
        (findings.retries2_lowered, "tcp_retries2", [0, 3, 7], [8, 15, 255]),
        (findings.syncookies_disabled, "tcp_syncookies", [0], [1, 2]),
        (findings.abort_on_overflow, "tcp_abort_on_overflow", [1], [0]),
    ],
)
def test_setting(
    check: Callable[[Evidence], str | None], name: str, bad: list[int], good: list[int]
) -> None:
    """A setting is found at the values its documentation warns about, and at no others."""
    for value in bad:
        assert check(with_sysctls(**{name: value})) == f"net.ipv4.{name} = {value}"
    for absent_or_good in (*good, None):
        assert check(with_sysctls(**{name: absent_or_good})) is None


def test_rfc1337_rejections() -> None:
    """tcp_rfc1337 is found if TIME_WAIT recently rejected something."""
    found = findings.rfc1337_rejections
    assert found(with_rising(1, "TCPACKSkippedTimeWait", "PAWSTimewait", "TW")) == (
        "net.ipv4.tcp_rfc1337 = 1, PAWSTimewait and TCPACKSkippedTimeWait rising"
    )
    assert found(with_rising(1, "TCPACKSkippedTimeWait")) == (
        "net.ipv4.tcp_rfc1337 = 1, TCPACKSkippedTimeWait rising"
    )


@pytest.mark.parametrize(
    "evidence",
    [
        with_rising(0, "PAWSTimewait", "TCPACKSkippedTimeWait"),
        with_rising(1),
        with_rising(1, "TW", "PAWSEstab"),
    ],
)
def test_rfc1337_harmless(evidence: Evidence) -> None:
    """On its own tcp_rfc1337 does no harm, nor do rejections that a RST may end."""
    assert findings.rfc1337_rejections(evidence) is None


@pytest.mark.parametrize(
    ("queue_limit", "queue_used"), [(129, 0), (4096, 0), (128, 64), (128, 129)]
)
def test_somaxconn_below_backlog(queue_limit: int, queue_used: int) -> None:
    """A queue longer than somaxconn now allows is found, or one exactly as long and half full."""
    evidence = with_listeners(128, listener(443, queue_limit, queue_used), listener(80, 100, 100))
    detail = findings.somaxconn_below_backlog(evidence)
    assert detail == f"net.core.somaxconn = 128; 10.0.0.2 port 443 has a queue of {queue_limit:,}"


def test_somaxconn_of_many() -> None:
    """Sockets that share an address and port are one, as with SO_REUSEPORT."""
    evidence = with_listeners(128, *[listener(443, 512)] * 3, listener(80, 511))
    assert findings.somaxconn_below_backlog(evidence) == (
        "net.core.somaxconn = 128; 10.0.0.2 port 443 has a queue of 512,"
        " 10.0.0.2 port 80 has a queue of 511"
    )


@pytest.mark.parametrize(
    "evidence",
    [
        with_listeners(128, listener(443, 128, 63)),
        with_listeners(128, listener(443, 127, 127)),
        with_listeners(128, listener(443, 511)._replace(listening=False)),
        with_listeners(None, listener(443, 511, 511)),
        with_listeners(4096),
    ],
)
def test_somaxconn_high_enough(evidence: Evidence) -> None:
    """A queue shorter than somaxconn was not cut; one as long may be as requested."""
    assert findings.somaxconn_below_backlog(evidence) is None


@pytest.mark.parametrize(
    ("seconds", "used", "expected"),
    [(59, 1, True), (1, 1, True), (60, 1, False), (59, 0, False), (None, 1, False)],
)
def test_conntrack_time_wait_shortened(seconds: int | None, used: int, *, expected: bool) -> None:
    """Less than TCP's own 60 s is found if connections are tracked."""
    name = "nf_conntrack_tcp_timeout_time_wait"
    detail = findings.conntrack_time_wait_shortened(with_conntrack(used, **{name: seconds}))
    assert detail == (f"net.netfilter.{name} = {seconds}" if expected else None)


@pytest.mark.parametrize(
    ("seconds", "keepalive", "used", "expected"),
    [
        (7200, 7200, 1, True),  # the first probe comes just after the entry has gone
        (600, 7200, 1, True),
        (7201, 7200, 1, False),
        (7440, 7200, 1, False),  # RFC 5382, section 5: 2 hours 4 minutes, for this very reason
        (7200, 7200, 0, False),
        (None, 7200, 1, False),
        (600, None, 1, False),
    ],
)
def test_conntrack_established_below_keepalive(
    seconds: int | None, keepalive: int | None, used: int, *, expected: bool
) -> None:
    """A timeout no longer than the wait for the first keepalive is found."""
    evidence = with_conntrack(used, tcp_keepalive_time=keepalive, **{ESTABLISHED: seconds})
    assert findings.conntrack_established_below_keepalive(evidence) == (
        f"net.netfilter.{ESTABLISHED} = {seconds}, net.ipv4.tcp_keepalive_time = {keepalive}"
        if expected
        else None
    )


@pytest.mark.parametrize(
    ("seconds", "used", "expected"),
    [
        (432000, 500, True),  # the default, in a table that is half full
        (DAY + 1, 1000, True),
        (432000, 499, False),
        (DAY, 1000, False),
        (None, 1000, False),
    ],
)
def test_conntrack_established_too_long(seconds: int | None, used: int, *, expected: bool) -> None:
    """More than a day is found once the table is half full."""
    detail = findings.conntrack_established_too_long(with_conntrack(used, **{ESTABLISHED: seconds}))
    assert detail == (
        f"net.netfilter.{ESTABLISHED} = {seconds}, {used:,} of 1,000 entries" if expected else None
    )


@pytest.mark.parametrize(
    "check",
    [
        findings.conntrack_time_wait_shortened,
        findings.conntrack_established_below_keepalive,
        findings.conntrack_established_too_long,
    ],
)
def test_without_conntrack(check: Callable[[Evidence], str | None]) -> None:
    """A host that tracks no connections has no trouble with conntrack."""
    evidence = with_sysctls(
        replace(ORDINARY, resources=known(())),
        nf_conntrack_tcp_timeout_time_wait=1,
        nf_conntrack_tcp_timeout_established=1,
    )
    assert check(evidence) is None


@pytest.mark.parametrize(
    ("highest", "now", "detail"),
    [
        (0.8, 0.0, "0.0.0.0:80 was 80 % full within the last minute"),
        (1.258, 0.79, "0.0.0.0:80 was 125 % full within the last minute"),
        (0.79, 0.0, None),
        (0.9, 0.8, None),  # it still is
    ],
)
def test_accept_queue_was_full(highest: float, now: float, detail: str | None) -> None:
    """A queue that was nearly full recently is found if no queue is that full now."""
    peak = known(QueuePeak("0.0.0.0:80", highest, now))
    assert findings.accept_queue_was_full(replace(ORDINARY, queue_peak=peak)) == detail
