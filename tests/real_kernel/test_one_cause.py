"""A pool filled by real connections is one trouble, whatever else points to it."""

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.verdict.actions import actions, part_subject
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.briefing import brief
from tcp_pressure_exporter.verdict.details.what_to_type import steps_by_advice
from tcp_pressure_exporter.verdict.headline import headline
from tcp_pressure_exporter.verdict.troubles import troubles
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, time_wait_here
from tests.support.labs.network_namespace import set_sysctl

LOCAL, REMOTE, OTHER = "127.0.0.2", "127.0.0.9", "127.0.0.8"
PORTS = 20


def test_a_full_pool(lab: Lab, observer: Observer) -> None:
    """The pool, its source pool and both findings are one: one sentence, one action."""
    set_sysctl("ip_local_port_range", f"20000 {20000 + PORTS - 1}")
    set_sysctl("tcp_tw_reuse", 0)
    for _ in range(PORTS):
        time_wait_here(lab.connect(REMOTE, LOCAL))
    sample = observer.sample()
    found = assess(sample)
    urgent = [one for one in troubles(found) if one.severity > Severity.CALM]
    pool = f"outbound pool {LOCAL} → {REMOTE}:{SERVER_PORT}"
    assert [one.severity for one in urgent] == [Severity.CRITICAL]
    told = [part_subject(part) for part in urgent[0].parts]
    assert told[0] == pool
    assert {"port_range_too_small", "tw_reuse_off_under_pressure"} <= set(told)
    assert "Also" not in headline(found)
    (todo,) = [one for one in actions(found) if one.severity > Severity.CALM]
    assert todo.subjects == (pool,)
    typed = [
        line
        for steps in steps_by_advice(sample, found).values()
        for one in steps
        for line in one.lines
    ]
    assert typed.count("sysctl -w net.ipv4.tcp_tw_reuse=1") == 1
    assert brief(found, 10).order[0] == "closest"


def test_one_client_and_two_destinations(lab: Lab, observer: Observer) -> None:
    """Two pools that one process fills with open connections are one trouble, not two."""
    set_sysctl("ip_local_port_range", f"20000 {20000 + PORTS - 1}")
    for remote in (REMOTE, OTHER):
        lab.connect_until_full(remote, LOCAL)
    found = assess(observer.sample())
    critical = [one for one in troubles(found) if one.severity is Severity.CRITICAL]
    assert len(critical) == 1
    assert "The same cause fills 1 more pool." in headline(found)
