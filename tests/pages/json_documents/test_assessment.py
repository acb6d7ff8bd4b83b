"""The document of an assessment."""

import json

import pytest

from tcp_pressure_exporter.pages.json_documents.assessment import assessment_document, exhaustion
from tests.pages.report.observations import BLIND, INFINITE, QUIET, REFUSING, TROUBLE

SEEN = {
    "last_seen_seconds_ago": 0.0,
    "closes": None,
    "closes_share": None,
    "refused": 0,
    "told_by": "",
}
DOCUMENT = {
    "netns": "host",
    "verdict": "critical",
    "troubles": [
        {
            "severity": "critical",
            "sentence": (
                "Outbound pool 10.0.0.2 → 10.0.0.9:443 is 95 % full"
                " and will be full in 41 s at this rate."
            ),
            "parts": ["outbound pool 10.0.0.2 → 10.0.0.9:443"],
        },
        {
            "severity": "warning",
            "sentence": "Accept queue 0.0.0.0:8080 is 100 % full.",
            "parts": ["accept queue 0.0.0.0:8080"],
        },
        {
            "severity": "warning",
            "sentence": "140 connections are stuck in CLOSE_WAIT, the oldest for at least 31 min.",
            "parts": ["CLOSE_WAIT (read, but not closed)"],
        },
        {
            "severity": "warning",
            "sentence": "small_range: has 28,232 local ports; needs 35,604.",
            "parts": ["small_range"],
        },
    ],
    "pressures": [
        {
            "kind": "outbound",
            "name": "10.0.0.2 → 10.0.0.9:443",
            "severity": "critical",
            "used": 26_822,
            "limit": 28_232,
            "ratio": 26_822 / 28_232,
            "time_wait": 25_500,
            "exhaustion": "soon",
            "seconds_left": 41.7,
            "steady_state_ratio": 1.26,
            "refused": False,
            "search_seconds": None,
            "owners": [
                SEEN | {"service": "nginx.service", "process": "nginx", "sockets": 1204},
                SEEN | {"service": "", "process": "curl", "sockets": 3},
            ],
            "clients": [],
            "advice": "Keep connections open.",
        },
        {
            "kind": "listen_queue",
            "name": "0.0.0.0:8080",
            "severity": "warning",
            "used": 129,
            "limit": 128,
            "ratio": 129 / 128,
            "time_wait": None,
            "exhaustion": "unknown",
            "seconds_left": None,
            "steady_state_ratio": None,
            "refused": False,
            "search_seconds": None,
            "owners": [],
            "clients": [],
            "advice": "Accept sooner.",
        },
        {
            "kind": "inbound",
            "name": "10.0.0.5 → 10.0.0.2:443",
            "severity": "calm",
            "used": 7_741,
            "limit": 64_512,
            "ratio": 7_741 / 64_512,
            "time_wait": 40,
            "exhaustion": "not_in_sight",
            "seconds_left": None,
            "steady_state_ratio": 0.12,
            "refused": False,
            "search_seconds": None,
            "owners": [],
            "clients": [],
            "advice": "Ask the balancer.",
        },
        {
            "kind": "memory_bytes",
            "name": "",
            "severity": "calm",
            "used": 2_097_152,
            "limit": 2_358_247_424,
            "ratio": 2 / 2249,
            "time_wait": None,
            "exhaustion": "unknown",
            "seconds_left": None,
            "steady_state_ratio": None,
            "refused": False,
            "search_seconds": None,
            "owners": [],
            "clients": [],
            "advice": "Raise tcp_mem.",
        },
    ],
    "refused": None,
    "close_wait": {
        "sockets": 141,
        "causes": [
            {
                "cause": "not_closed",
                "severity": "warning",
                "sockets": 140,
                "never_accepted": 0,
                "oldest_seconds": 1890.0,
                "advice": "Restart it.",
            },
            {
                "cause": "eof_unread",
                "severity": "calm",
                "sockets": 1,
                "never_accepted": 0,
                "oldest_seconds": 59.9,
                "advice": "Read it.",
            },
        ],
        "owners": [{"service": "api.service", "process": "", "sockets": 140}],
        "remotes": [{"remote": "10.0.0.7", "sockets": 1}],
        "unlisted": 1,
        "leaks": [
            {
                "service": "api.service",
                "process": "worker",
                "sockets": 140,
                "growth_per_second": pytest.approx(1 / 3),
                "open_files": 424,
                "max_files": 1024,
                "seconds_left": pytest.approx(1800),
            }
        ],
    },
    "findings": [
        {
            "name": "small_range",
            "severity": "warning",
            "detail": "has 28,232 local ports; needs 35,604",
            "advice": "Add addresses.",
            "runbook": "docs/findings.md#small_range",
        },
        {
            "name": "odd_range",
            "severity": "calm",
            "detail": "32768 60998",
            "advice": "Make it even.",
            "runbook": "docs/findings.md#odd_range",
        },
    ],
    "actions": [
        {
            "severity": "critical",
            "subjects": ["outbound pool 10.0.0.2 → 10.0.0.9:443"],
            "advice": "Keep connections open.",
            "runbook": "docs/runbooks/pools.md#tcppressurepoolhigh",
        },
        {
            "severity": "warning",
            "subjects": ["accept queue 0.0.0.0:8080"],
            "advice": "Accept sooner.",
            "runbook": "docs/runbooks/inbound.md#tcppressurelistenqueuehigh",
        },
        {
            "severity": "warning",
            "subjects": ["CLOSE_WAIT (read, but not closed)"],
            "advice": "Restart it.",
            "runbook": "docs/runbooks/stuck.md#tcppressureclosewaitleak",
        },
        {
            "severity": "warning",
            "subjects": ["small_range"],
            "advice": "Add addresses.",
            "runbook": "docs/findings.md#small_range",
        },
        {
            "severity": "calm",
            "subjects": ["odd_range"],
            "advice": "Make it even.",
            "runbook": "docs/findings.md#odd_range",
        },
    ],
    "failures": [
        {"collector": "limits", "reason": "/proc/net/sockstat: absent"},
        {"collector": "findings", "reason": "/proc/net/sockstat: absent"},
    ],
}

REFUSED = {
    "seconds": 300.0,
    "calls": 1180,
    "listed": [
        {
            "call": "connect",
            "cause": "no_port",
            "severity": "critical",
            "service": "nginx.service",
            "process": "nginx",
            "local_address": "10.0.0.2",
            "remote_address": "10.0.0.9",
            "port": "443",
            "pool": "10.0.0.2 → 10.0.0.9:443",
            "calls": 1177,
            "last_seconds_ago": 0.0,
            "advice": "Keep connections open.",
        },
        {
            "call": "connect",
            "cause": "port_taken",
            "severity": "warning",
            "service": "",
            "process": "",
            "local_address": "",
            "remote_address": "",
            "port": "",
            "pool": "",
            "calls": 3,
            "last_seconds_ago": 70.0,
            "advice": "Bind to 0.",
        },
    ],
}


def test_trouble() -> None:
    """The whole document of a host in trouble."""
    assert assessment_document(TROUBLE) == DOCUMENT


def test_refused() -> None:
    """Refusals are listed one by one; those of unknown callers have no owner and no ends."""
    document = assessment_document(REFUSING)
    assert document["refused"] == REFUSED
    assert document["actions"] == [
        {
            "severity": "critical",
            "subjects": ["outbound pool 10.0.0.2 → 10.0.0.9:443"],
            "advice": "Keep connections open.",
            "runbook": "docs/runbooks/pools.md#tcppressurepoolhigh",
        },
        {
            "severity": "warning",
            "subjects": ["others → several destinations"],
            "advice": "Bind to 0.",
            "runbook": "docs/runbooks/refused.md#tcppressureconnectporttaken",
        },
    ]


def test_it_is_json() -> None:
    """It contains only what JSON has, without an infinity."""
    for found in (TROUBLE, QUIET, BLIND):
        text = json.dumps(assessment_document(found), allow_nan=False)
        assert json.loads(text) == assessment_document(found)


def test_no_close_wait() -> None:
    """If CLOSE_WAIT is not known, it is absent, not zero."""
    assert assessment_document(QUIET)["close_wait"] is None


def test_blind() -> None:
    """If nothing could be read, the verdict is not calm but unknown."""
    assert assessment_document(BLIND)["verdict"] == "unknown"


@pytest.mark.parametrize(
    ("seconds", "word"),
    [(None, "unknown"), (INFINITE, "not_in_sight"), (0.0, "soon"), (599.0, "soon")],
)
def test_exhaustion(seconds: float | None, word: str) -> None:
    """Unknown and "over 10 min" are told apart."""
    assert exhaustion(seconds) == word
