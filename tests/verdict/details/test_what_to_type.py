"""What to type for each action, with the values of the host, and docs/what-to-type.md."""

import re
from dataclasses import replace
from typing import Any

import pytest

from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.findings.table import FINDINGS
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.sample.sample import LIMITS, LOCAL_PORTS, SYSCTLS, Key, NamespaceSample
from tcp_pressure_exporter.verdict.actions import actions
from tcp_pressure_exporter.verdict.details.application_settings import (
    ENVOY,
    GO,
    HAPROXY,
    JAVA,
    NGINX,
    NODE,
    OTHERS,
    PYTHON,
    SETTINGS,
    Setting,
    setting_of,
)
from tcp_pressure_exporter.verdict.details.sysctl_steps import (
    FIN_TIMEOUT,
    FINDING_STEPS,
    KEPT_IN,
    LIMIT_STEPS,
    ORPHAN_RETRIES,
    SYN_RETRIES,
    TW_REUSE,
    Step,
)
from tcp_pressure_exporter.verdict.details.what_to_type import (
    steps_by_advice,
    steps_for,
    wider_range,
)
from tests.pages.report.observations import (
    CALM,
    CRITICAL,
    LEAK,
    MEMORY,
    QUEUE,
    TROUBLE,
    UPSTREAM,
    WAITING,
    assessment,
    pool_sample,
)
from tests.support.places import DOCS

LIMITS_OF_TODAY = (128, 131_072, 0, 262_144)
DOCUMENT = " ".join((DOCS / "what-to-type.md").read_text().split())


def with_part(key: Key[Any], value: object) -> NamespaceSample:
    """Return the sample with one part replaced."""
    return NamespaceSample("host", {**pool_sample().parts, key: Outcome(0.0, value)})


def lines(sample: NamespaceSample, *names: str) -> list[str]:
    """Return what to type about findings."""
    states = tuple(FindingState(one, "x") for one in FINDINGS if one.name in names)
    typed = steps_by_advice(sample, assessment(severity=CRITICAL, findings=states))
    return [line for steps in typed.values() for step in steps for line in step.lines]


def test_a_pool_full_of_time_wait() -> None:
    """The setting, what makes it permanent, a wider range than today's, and nginx's own setting."""
    reuse, wider, nginx = steps_for(pool_sample(), UPSTREAM)
    assert reuse == TW_REUSE
    assert reuse.lines == ("sysctl -w net.ipv4.tcp_tw_reuse=1",)
    assert reuse.keep == "net.ipv4.tcp_tw_reuse = 1"
    assert wider.lines == (
        "ss -Htln 'sport >= :16384 and sport <= :60999'",
        'sysctl -w net.ipv4.ip_local_port_range="16384 60999"',
    )
    assert wider.changes.startswith("44,616 ports to choose from instead of")
    assert "    server 10.0.0.9:443;" in nginx.lines


def test_reuse_that_would_not_help() -> None:
    """If tcp_tw_reuse does not help, it is not suggested."""
    sample = with_part(SYSCTLS, {"tcp_tw_reuse": 0, "tcp_timestamps": 0})
    assert TW_REUSE not in steps_for(sample, UPSTREAM)


@pytest.mark.parametrize(
    ("filling", "step"),
    [
        ("syn_sent", SYN_RETRIES),
        ("fin_wait2_orphan", FIN_TIMEOUT),
        ("fin_unanswered", ORPHAN_RETRIES),
    ],
)
def test_states(filling: str, step: Step) -> None:
    """A state that fills a pool has its own setting, to use for a while but not to keep."""
    found = steps_for(pool_sample(), UPSTREAM._replace(filling=filling, time_wait=0))
    assert found[0] == step
    assert step.keep == ""


def test_other_systems() -> None:
    """If the settings are not Linux's, only the application's is shown."""
    sample = with_part(SYSCTLS, {"TcpTimedWaitDelay": 60})
    (nginx,) = steps_for(sample, UPSTREAM)
    assert nginx.where == NGINX.where
    assert lines(sample, "syncookies_disabled", "port_range_too_small") == []


def test_limits() -> None:
    """Limits are doubled from the host's; a short queue gets the kernel's default."""
    (queue,) = steps_for(pool_sample(), QUEUE)
    assert queue.lines == ("sysctl -w net.core.somaxconn=4096",)
    buckets = MEMORY._replace(kind="time_wait_buckets", used=260_000, limit=262_144)
    (raised,) = steps_for(pool_sample(), buckets)
    assert raised.lines == ("sysctl -w net.ipv4.tcp_max_tw_buckets=524288",)
    assert steps_for(pool_sample(), MEMORY) == ()


def test_findings() -> None:
    """A finding has the setting that fixes it."""
    sample = with_part(LIMITS, (Resource("conntrack_entries", 9, 262_144),))
    assert lines(sample, "conntrack_drops") == ["sysctl -w net.netfilter.nf_conntrack_max=524288"]
    assert lines(pool_sample(), "syncookies_disabled") == ["sysctl -w net.ipv4.tcp_syncookies=1"]
    assert lines(pool_sample(), "tw_reuse_off_under_pressure") == list(TW_REUSE.lines)
    assert FINDING_STEPS.keys() <= {finding.name for finding in FINDINGS}


def test_a_leak() -> None:
    """The unit with the most stuck connections is restarted; what is not a unit is not."""
    found = assessment(severity=CRITICAL, stuck=(LEAK,), close_wait=WAITING)
    ((step,),) = steps_by_advice(pool_sample(), found).values()
    assert step.lines == ("systemctl restart api.service",)
    container = replace(WAITING, owners=(OwnerCount(Owner("docker-1f", "java"), 140),))
    found = assessment(severity=CRITICAL, stuck=(LEAK,), close_wait=container)
    assert steps_by_advice(pool_sample(), found) == {}


def test_by_the_advice_of_actions() -> None:
    """Every piece of advice with steps belongs to an action; what is calm has none."""
    typed = steps_by_advice(pool_sample(), TROUBLE)
    assert typed.keys() <= {action.advice for action in actions(TROUBLE)}
    assert typed.keys() >= {UPSTREAM.advice, QUEUE.advice, LEAK.advice}
    calm = assessment(UPSTREAM._replace(severity=CALM))
    assert steps_by_advice(pool_sample(), calm) == {}


@pytest.mark.parametrize(
    "service", ["a; reboot.service", "a b.service", "$(reboot).service", "-x.service"]
)
def test_hostile_names(service: str) -> None:
    """If a shell or systemctl would take a name for more than a name, it is not to be typed."""
    owner = OwnerCount(Owner(service, "x"), 140)
    found = assessment(
        severity=CRITICAL, stuck=(LEAK,), close_wait=replace(WAITING, owners=(owner,))
    )
    assert steps_by_advice(pool_sample(), found) == {}


@pytest.mark.parametrize(
    ("low", "high", "wider"),
    [
        (32_768, 60_999, (16_384, 60_999)),
        (32_768, 65_535, (16_384, 65_535)),
        (32_768, 40_000, (16_384, 60_999)),
        (16_384, 60_999, (1_024, 60_999)),
        (1_024, 65_535, None),
    ],
)
def test_wider_range(low: int, high: int, wider: tuple[int, int] | None) -> None:
    """The range extends to where services are rare, and has an even number of ports."""
    assert wider_range(low, high) == wider
    assert wider is None or (wider[1] - wider[0]) % 2 == 1


@pytest.mark.parametrize(
    ("process", "setting"),
    [
        ("nginx", NGINX),
        ("nginx: worker process", NGINX),
        ("haproxy", HAPROXY),
        ("envoy", ENVOY),
        ("java", JAVA),
        ("python3.11", PYTHON),
        ("node", NODE),
        ("edge-proxy", OTHERS),
        ("", OTHERS),
    ],
)
def test_by_process_name(process: str, setting: Setting) -> None:
    """The name of the process leads to its setting."""
    assert setting_of(process) is setting


@pytest.mark.parametrize("setting", [*dict.fromkeys(SETTINGS.values()), GO, OTHERS])
def test_document_has_each_application(setting: Setting) -> None:
    """docs/what-to-type.md has each setting, word for word, and each process name."""
    for text in (*setting.lines, setting.changes, setting.risks, setting.where):
        assert " ".join(text.split()) in DOCUMENT
    for process, known in SETTINGS.items():
        assert known is not setting or f"`{process}`" in DOCUMENT


@pytest.mark.parametrize(
    "step",
    [
        *(TW_REUSE, SYN_RETRIES, FIN_TIMEOUT, ORPHAN_RETRIES),
        *FINDING_STEPS.values(),
        *(make(limit) for make, limit in zip(LIMIT_STEPS.values(), LIMITS_OF_TODAY, strict=True)),
    ],
    ids=lambda step: step.lines[0],
)
def test_document_has_each_step(step: Step) -> None:
    """docs/what-to-type.md has each command and what it risks; docs/findings.md why, for some."""
    explained = step in FINDING_STEPS.values()
    for text in (*step.lines, step.risks, *(() if explained else (step.changes,))):
        assert text in DOCUMENT
    assert KEPT_IN in DOCUMENT
    assert all(re.fullmatch(r"[^\n]{1,100}", line) for line in step.lines)


def test_each_setting_once() -> None:
    """What two actions would set is shown once, under the first that needs it."""
    names = ("port_range_too_small", "tw_reuse_off_under_pressure", "odd_port_range")
    states = tuple(FindingState(one, UPSTREAM.name) for one in FINDINGS if one.name in names)
    ports = replace(pool_sample().get(LOCAL_PORTS), high=61_000)  # an odd range
    sample = with_part(LOCAL_PORTS, ports)
    calm = UPSTREAM._replace(severity=CALM)
    for pressure in (UPSTREAM, calm):
        found = assessment(pressure, severity=CRITICAL, findings=states)
        typed = steps_by_advice(sample, found)
        told = [step.sets for steps in typed.values() for step in steps]
        assert len(told) == len(set(told))
        settings = {"net.ipv4.tcp_tw_reuse", "net.ipv4.ip_local_port_range"}
        assert {f"sysctl -w {name}" for name in settings} <= set(told)
    (advice,) = steps_by_advice(sample, assessment(UPSTREAM, severity=CRITICAL, findings=states))
    assert advice == UPSTREAM.advice
