"""The ports held by bound sockets and listeners: how many, whose, and what comes first."""

import pytest

from tcp_pressure_exporter.facts.addresses import V4_ANY
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.questions import CanaryAnswer
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.findings.advice import port_advice
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.near_limit.closer_look import CanaryReport, Probe
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.verdict.actions import actions
from tcp_pressure_exporter.verdict.assessment import Assessment, assess
from tcp_pressure_exporter.verdict.headline import headline, held_sentence
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import resource_words
from tests.support.fakes.samples import namespace_sample

HELD = "local ports are held by bound sockets and listeners"
AGENT = OwnerCount(Owner("agent.service", "agent"), 980)
OTHER = OwnerCount(Owner("other.service"), 15)


def assessed(blocked: int, choosable: int, live: int | None = None) -> Assessment:
    """Judge a host with so many blocked ports, and a pool with so many connections as well."""
    ports = LocalPorts(
        *(40000, 40999), 0, choosable, blocked, 0, choosable, blocked, (AGENT, OTHER)
    )
    usage = Usage(blocked + (live or 0), choosable, 0, 0, blocked=blocked)
    left = 0.0 if usage.ratio >= 1 else float("inf")
    pool = ListedPool(
        *(PoolKey(V4_ANY, V4_ANY, b"\0\1"), "10.0.0.2", "10.0.0.9", "443"),
        usage=usage,
        outlook=Outlook(left, 0.9, 10.0, 20),
    )
    listed = () if live is None else (pool,)
    table = PoolTable(len(listed), usage.ratio, usage.ratio, listed, 0, 0)
    return assess(
        namespace_sample(
            "host",
            local_ports=Outcome(0.1, ports),
            pools=Outcome(0.1, {"outbound": table}),
        )
    )


def refused(hidden: float) -> Pressure:
    """Return the pressure of a pool using 100 of 1,000 ports, where the kernel found none free."""
    usage = Usage(100, 1000, 0, 0)
    ends = (PoolKey(V4_ANY, V4_ANY, b"\0\1"), "10.0.0.2", "10.0.0.9", "443")
    pool = ListedPool(*ends, usage=usage, outlook=Outlook(float("inf"), 0.1, 10.0, 20))
    answer = CanaryAnswer(success=False, seconds=0.001, reason="EADDRNOTAVAIL")
    sample = namespace_sample(
        "host",
        pools=Outcome(0.1, {"outbound": PoolTable(1, 0.1, 0.1, (pool,), 0, 0)}),
        canary=Outcome(0.1, CanaryReport((Probe(pool, answer),), hidden)),
    )
    (found,) = assess(sample).pressures
    return found


def test_hidden_ports_are_blamed() -> None:
    """If most ports were bound first, the advice blames no connections or addresses."""
    found = refused(hidden=890.0)
    assert (found.severity, found.seconds_left) == (Severity.CRITICAL, 0.0)
    assert found.advice.startswith("About 890 of 1,000 ports belong to sockets bound before")
    assert "adding an address does not help" in found.advice
    assert "open connections" not in found.advice


def test_few_hidden_ports_are_not_blamed() -> None:
    """If the kernel finds no port for another reason, the advice is the pool's."""
    found = refused(hidden=10.0)
    assert (found.severity, found.seconds_left) == (Severity.CRITICAL, 0.0)
    assert "bound before" not in found.advice


@pytest.mark.parametrize(
    ("used", "limit", "sentence"),
    [
        (995, 1000, f"995 of 1,000 {HELD}."),
        (10, 10, f"All 10 {HELD}: every connect() fails."),
        (0, 0, "No local port is usable: every connect() fails."),
    ],
)
def test_sentence(used: int, limit: int, sentence: str) -> None:
    """It says how many are held, and what that means if none is left."""
    assert held_sentence(used, limit) == sentence
    assert headline(assessed(used, limit)).startswith(sentence)


@pytest.mark.parametrize(
    ("blocked", "choosable", "severity"),
    [(1000, 1000, 2), (900, 1000, 2), (899, 1000, 1), (700, 1000, 1), (699, 1000, 0), (0, 0, 2)],
)
def test_severity(blocked: int, choosable: int, severity: int) -> None:
    """They are judged without any pool, by the outbound pools' thresholds."""
    found = assessed(blocked, choosable)
    assert found.severity is Severity(severity)
    assert [pressure.kind for pressure in found.pressures] == ["blocked_ports"]


def test_few() -> None:
    """Fewer than half of the ports are not worth a line."""
    assert assessed(499, 1000).pressures == ()


def test_cause_before_effect() -> None:
    """The 995 ports held beforehand come before the pool that five connections filled."""
    found = assessed(995, 1000, live=5)
    assert [(one.kind, one.used) for one in found.pressures] == [
        ("blocked_ports", 995),
        ("outbound", 1000),
    ]
    assert headline(found) == (
        "995 of 1,000 local ports are held by bound sockets and listeners. That fills 1 pool."
    )


def test_full_pool_beside_fewer_held() -> None:
    """A pool worse than the held ports alone comes first; its advice names them too."""
    found = assessed(700, 1000, live=300)
    assert [one.kind for one in found.pressures] == ["outbound", "blocked_ports"]
    assert found.pressures[0].advice == found.pressures[1].advice


def test_one_action_for_both() -> None:
    """The advice says how many ports are held, and mostly by whom, once for cause and effect."""
    [action] = actions(assessed(995, 1000, live=5))
    assert action.subjects == (
        "local ports held by bound sockets and listeners",
        "outbound pool 10.0.0.2 → 10.0.0.9:443",
    )
    assert action.advice.startswith(
        "995 of 1,000 ports are bound or listened on, most by agent (980). "
    )
    assert "open connections" not in action.advice
    assert "one more" not in action.advice


def test_open_connections() -> None:
    """If live connections hold most of a pool, the advice is about them."""
    usage = Usage(950, 1000, 0, 0, blocked=400)
    assert "open connections" in port_advice("outbound", usage, (AGENT,))


def test_unknown_holder() -> None:
    """If it is not known who holds them, nobody is named."""
    usage = Usage(10, 10, 0, 0, blocked=10)
    assert port_advice("blocked_ports", usage, ()).startswith(
        "10 of 10 ports are bound or listened on. "
    )
    service_alone = port_advice("blocked_ports", usage, (OTHER,))
    assert "most by other.service (15)." in service_alone


def test_words() -> None:
    """The row says that it is full now, and who holds how many."""
    [pressure] = assessed(0, 0).pressures
    words = resource_words(pressure)
    assert (words.percent, words.used, words.left) == ("100 %", "0 / 0", "full now")
    held = resource_words(assessed(995, 1000).pressures[0])
    assert (held.percent, held.left, held.owners.label) == ("99 %", "unknown", "held by")
    assert held.owners.listed == "agent.service (agent) 980, other.service 15"
