"""Each finding about counters that rose, turned on and off at its limits."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.findings import drops
from tcp_pressure_exporter.findings.evidence import EventRises, Evidence
from tcp_pressure_exporter.findings.finding import Finding
from tests.support.fakes.evidence import ORDINARY, known, rises


def after(seconds: float, **amounts: int) -> Evidence:
    """Return the evidence of two samples between which counters rose."""
    return replace(ORDINARY, rises=rises(seconds, **amounts))


@pytest.mark.parametrize(
    ("finding", "event"),
    [
        (drops.ACCEPT_QUEUE_OVERFLOWS, "ListenOverflows"),
        (drops.TIME_WAIT_OVERFLOWS, "TCPTimeWaitOverflow"),
    ],
)
def test_any_at_all(finding: Finding, event: str) -> None:
    """What never happens by chance is found from the first event."""
    assert finding.check(after(60, **{event: 0})) is None
    assert finding.check(after(60, **{event: 1})) == f"{event} rose by 1 in the last 60 s"
    assert finding.check(after(60, TWRecycled=5, ListenDrops=5)) is None


@pytest.mark.parametrize(
    ("finding", "event"),
    [
        (drops.CONNTRACK_DROPS, "nf_conntrack_drop"),
        (drops.CONNTRACK_DROPS, "nf_conntrack_early_drop"),
        (drops.CONNTRACK_INSERTS_FAILED, "nf_conntrack_insert_failed"),
        (drops.TIME_WAIT_REJECTIONS, "PAWSTimewait"),
        (drops.TIME_WAIT_REJECTIONS, "TCPACKSkippedTimeWait"),
    ],
)
def test_more_than_chance(finding: Finding, event: str) -> None:
    """What races may also cause is found above 0.1 per second: six in a minute are not."""
    assert finding.check(after(60, **{event: 6})) is None
    assert finding.check(after(60, **{event: 7})) == f"{event} rose by 7 in the last 60 s"
    assert finding.check(after(600, **{event: 60})) is None
    assert finding.check(after(600, **{event: 61})) == f"{event} rose by 61 in the last 10 min"


def test_two_looks() -> None:
    """Within a second, one may be chance, two are not."""
    assert drops.CONNTRACK_DROPS.check(after(1, nf_conntrack_drop=1)) is None
    found = drops.CONNTRACK_DROPS.check(after(1.02, nf_conntrack_drop=2))
    assert found == "nf_conntrack_drop rose by 2 in the last 1 s"


def test_events_together() -> None:
    """The events of one finding add up, and each is named."""
    found = drops.CONNTRACK_DROPS.check(
        after(60, nf_conntrack_drop=4, nf_conntrack_early_drop=1003)
    )
    assert found == (
        "nf_conntrack_drop rose by 4, nf_conntrack_early_drop rose by 1,003 in the last 60 s"
    )


@pytest.mark.parametrize(
    "finding", [one for one in vars(drops).values() if isinstance(one, Finding)]
)
def test_one_sample(finding: Finding) -> None:
    """What was counted before the first sample is not a finding."""
    once = EventRises().after(dict.fromkeys(drops.DROP_EVENTS, 1000), 5.0)
    assert finding.check(replace(ORDINARY, rises=known(once))) is None
