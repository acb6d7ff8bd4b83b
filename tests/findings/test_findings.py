"""The table of findings, what is shown when sources fail, and the document about them."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.system import LINUX
from tcp_pressure_exporter.findings import drops, ports, protection, refusals, systems
from tcp_pressure_exporter.findings.drops import DROP_EVENTS
from tcp_pressure_exporter.findings.evidence import Evidence, QueuePeak
from tcp_pressure_exporter.findings.finding import Finding, FindingState, shortened
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.findings.table import FINDINGS, evaluate
from tests.support.fakes.evidence import (
    DEFAULTS,
    ORDINARY,
    conntrack,
    failed,
    heading,
    hidden,
    known,
    listener,
    outbound,
    pool,
    rises,
    with_sysctls,
)
from tests.support.fakes.tallies import bound_tally
from tests.support.places import ROOT

DOCUMENT = (ROOT / "docs" / "findings.md").read_text()
ALL_NAMES = [finding.name for finding in FINDINGS]
NAMES = [finding.name for finding in FINDINGS if finding.concerns(LINUX)]
# Every finding that may need a further source does need it.
SUSPICIOUS = with_sysctls(
    replace(
        ORDINARY,
        rises=rises(**dict.fromkeys((*DROP_EVENTS, "PAWSTimewait"), 100)),
        resources=conntrack(1000, 1000),
        bound=known(bound_tally([listener(40000, 4096)])),
        pools=outbound(heading(pool(900, 800), 2.0)),
        canary=hidden(10_000.0),
        queue_peak=known(QueuePeak("0.0.0.0:22", 0.9, 0.0)),
    ),
    tcp_tw_recycle=1,
    tcp_tw_reuse=0,
    tcp_rfc1337=1,
    tcp_max_tw_buckets=5000,
    tcp_fin_timeout=10,
    somaxconn=128,
    tcp_syncookies=0,
    tcp_abort_on_overflow=1,
    tcp_retries2=3,
    tcp_keepalive_time=10**6,
    nf_conntrack_tcp_timeout_time_wait=10,
)
NEED_POOLS = {
    "refused_below_limit",
    "port_range_too_small",
    "tw_reuse_off_under_pressure",
    "tw_reuse_refused",
}
NEED_NO_SYSCTL = {
    "port_range_too_small",
    "tw_reuse_refused",
    "bind_before_connect",
    "mptcp_subflows_bind",
    "refused_below_limit",
    "listener_in_port_range",
    "odd_port_range",
    "accept_queue_was_full",
}
NEED_COUNTERS = {row.name for row in vars(drops).values() if isinstance(row, Finding)}


def told(evidence: Evidence) -> dict[str, str | None]:
    return {state.finding.name: state.detail for state in evaluate(evidence)[0]}


def test_ordinary_host() -> None:
    """On an ordinary host with the kernel's defaults every finding has a state, and none holds."""
    assert told(ORDINARY) == dict.fromkeys(NAMES)
    assert evaluate(ORDINARY)[1] is None


def test_suspicious_host() -> None:
    """If all that can be wrong at once is wrong, everything is found but what that excludes."""
    found = {name for name, detail in told(SUSPICIOUS).items() if detail}
    assert set(NAMES) - found == {
        "tw_reuse_without_timestamps",  # needs tcp_tw_reuse = 1
        "tw_reuse_refused",
        "tw_reuse_delay_lowered",
        "timestamps_disabled",
        "odd_port_range",
        "refused_below_limit",  # a pool is full
        "mptcp_subflows_bind",  # applications bind
    }


@pytest.mark.parametrize(
    ("failure", "lost"),
    [
        (replace(SUSPICIOUS, sysctls=failed("no")), set(NAMES) - NEED_NO_SYSCTL - NEED_COUNTERS),
        (replace(SUSPICIOUS, rises=failed("no")), {"rfc1337_rejections", *NEED_COUNTERS}),
        (
            replace(SUSPICIOUS, resources=failed("no")),
            {
                "conntrack_time_wait_shortened",
                "conntrack_established_below_keepalive",
                "conntrack_established_too_long",
            },
        ),
        (
            replace(SUSPICIOUS, settings=failed("no")),
            {"bind_before_connect", "listener_in_port_range", "odd_port_range"},
        ),
        (
            replace(SUSPICIOUS, bound=failed("no")),
            {"listener_in_port_range", "somaxconn_below_backlog"},
        ),
        (replace(SUSPICIOUS, pools=failed("no")), NEED_POOLS),
        (replace(SUSPICIOUS, canary=failed("no")), {"bind_before_connect"}),
        (replace(SUSPICIOUS, queue_peak=failed("no")), {"accept_queue_was_full"}),
        (replace(SUSPICIOUS, refusals=failed("no")), {"refused_below_limit"}),
    ],
)
def test_failed_source(failure: Evidence, lost: set[str]) -> None:
    """A failed source removes the findings that need it, and is named."""
    _states, error = evaluate(failure)
    assert set(told(failure)) == set(NAMES) - lost
    assert str(error) == str(SourceError("source", "no"))


def test_first_error() -> None:
    """Of several failures the first is given."""
    evidence = replace(SUSPICIOUS, canary=failed("canary"), pools=failed("pools"))
    _states, error = evaluate(evidence)
    assert error is not None
    assert error.reason == "pools"


@pytest.mark.parametrize(
    ("switched_off", "lost"),
    [
        (replace(SUSPICIOUS, pools=None), NEED_POOLS),
        (replace(SUSPICIOUS, canary=None), {"bind_before_connect"}),
        (replace(SUSPICIOUS, queue_peak=None), {"accept_queue_was_full"}),
        (replace(SUSPICIOUS, refusals=None), {"refused_below_limit"}),
    ],
)
def test_collector_that_is_off(switched_off: Evidence, lost: set[str]) -> None:
    """A disabled collector removes its findings without an error."""
    assert set(told(switched_off)) == set(NAMES) - lost
    assert evaluate(switched_off)[1] is None


@given(
    st.dictionaries(
        st.sampled_from([*DEFAULTS, "tcp_tw_recycle"]),
        st.none() | st.integers(-1, 200) | st.integers(-(2**63), 2**63),
    ),
    st.sampled_from([ORDINARY, SUSPICIOUS]),
)
def test_any_settings(changed: dict[str, int | None], host: Evidence) -> None:
    """Whatever the kernel's settings, each finding has a state, with a detail of one line."""
    states, error = evaluate(with_sysctls(host, **changed))
    assert error is None
    assert [state.finding.name for state in states] == NAMES
    for state in states:
        assert state.detail is None or one_line(state.detail)


def one_line(text: str) -> bool:
    return bool(text) and text.isprintable() and text == text.strip()


def test_nothing_is_left_out() -> None:
    """Every row defined next to a check is in the table, once."""
    rows = [
        row
        for module in (drops, ports, protection, refusals, systems)
        for row in vars(module).values()
        if isinstance(row, Finding)
    ]
    assert len(rows) == len(FINDINGS)
    assert set(ALL_NAMES) == {row.name for row in rows}


def test_names() -> None:
    """Names are unique and in snake case, as they are label values."""
    assert len(set(ALL_NAMES)) == len(ALL_NAMES)
    for name in ALL_NAMES:
        assert re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name)


@pytest.mark.parametrize("finding", FINDINGS, ids=ALL_NAMES)
def test_advice(finding: Finding) -> None:
    """The advice is one line that ends like a sentence."""
    assert one_line(finding.advice)
    assert finding.advice.endswith(".")


def test_evaluated_in_order() -> None:
    """States come in the table's order, each with its finding."""
    states, _error = evaluate(ORDINARY)
    assert states == tuple(FindingState(f, None) for f in FINDINGS if f.concerns(LINUX))


def sections() -> dict[str, str]:
    """Return the text of the document's sections by heading."""
    _head, *parts = re.split(r"^## ", DOCUMENT, flags=re.MULTILINE)
    return {part.partition("\n")[0]: part.partition("\n")[2] for part in parts}


@pytest.mark.parametrize("finding", FINDINGS, ids=ALL_NAMES)
def test_section(finding: Finding) -> None:
    """A section begins with severity and advice; its other labels are always in the same order."""
    document, _hash, anchor = finding.runbook.partition("#")
    assert (ROOT / document).read_text() == DOCUMENT
    section = sections()[anchor]
    first = " ".join(section.strip().partition("\n\n")[0].split())
    assert first == f"**{finding.severity.name.lower()}.** {finding.advice}"
    labels = re.findall(r"^\*\*(\w+)\.\*\*", section, re.MULTILINE)[1:]
    assert labels == [label for label in ("Check", "Fix", "Avoid") if label in labels]
    assert section.strip().partition("\n\n")[2]


def test_document_has_no_other_finding() -> None:
    """Sections and findings are in the same order, before sections with other kinds of titles."""
    assert [heading for heading in sections() if heading.islower()] == ALL_NAMES


def test_document_begins_with_a_list() -> None:
    """It links to every finding, in the order of the sections."""
    head = DOCUMENT.partition("\n## ")[0]
    assert re.findall(r"\[`(\w+)`\]\(#\1\)", head) == ALL_NAMES


def test_severities() -> None:
    """Only what breaks connections at once is critical."""
    critical = [finding.name for finding in FINDINGS if finding.severity is Severity.CRITICAL]
    assert critical == ["conntrack_drops", "time_wait_overflows", "tw_recycle_enabled"]


@pytest.mark.parametrize(
    ("items", "text"),
    [
        ([], ""),
        (["a"], "a"),
        (["a", "b", "c"], "a, b, c"),
        (["a", "b", "c", "d"], "a, b, c and 1 more"),
        (["a", "b", "c", "d", "e"], "a, b, c and 2 more"),
    ],
)
def test_shortened(items: list[str], text: str) -> None:
    """The first three are named, the rest counted."""
    assert shortened(items, 3) == text
