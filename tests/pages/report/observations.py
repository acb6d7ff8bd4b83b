"""Looks written by hand: a host in trouble, a calm one, one about which nothing is known."""

from array import array
from dataclasses import replace
from datetime import UTC, datetime
from io import StringIO

from rich.console import Console

from tcp_pressure_exporter.facts.failures import FailureKind
from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.facts.sockets import OpenFiles, Owner
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.findings.finding import Finding, FindingState
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pages.report.report import report
from tcp_pressure_exporter.pages.report.text import Charset
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.close_wait import CauseCount, CloseWait, RemoteCount
from tcp_pressure_exporter.sample.counted.failures import FailureOwner
from tcp_pressure_exporter.sample.leaks import Leak
from tcp_pressure_exporter.sample.sample import (
    LOCAL_PORTS,
    POOLS,
    SYSCTLS,
    LeftOut,
    NamespaceSample,
)
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.refusals import Refusal, Refused

CALM, WARNING, CRITICAL = Severity.CALM, Severity.WARNING, Severity.CRITICAL
NOTHING = NamespaceSample("host")
INFINITE = float("inf")
WHEN = datetime(2026, 11, 21, 3, 12, 44, tzinfo=UTC)
UNICODE, ASCII = Charset(unicode=True), Charset(unicode=False)

UPSTREAM = Pressure(
    kind="outbound",
    name="10.0.0.2 → 10.0.0.9:443",
    used=26_822,
    limit=28_232,
    severity=CRITICAL,
    advice="Keep connections open.",
    time_wait=25_500,
    seconds_left=41.7,
    owners=(SeenOwner(Owner("nginx.service", "nginx"), 1204), SeenOwner(Owner("", "curl"), 3)),
    steady_state_ratio=1.26,
)
QUEUE = Pressure("listen_queue", "0.0.0.0:8080", 129, 128, WARNING, "Accept sooner.")
CLIENTS = Pressure(
    "inbound",
    "10.0.0.5 → 10.0.0.2:443",
    7_741,
    64_512,
    CALM,
    "Ask the balancer.",
    time_wait=40,
    seconds_left=INFINITE,
    steady_state_ratio=0.12,
)
MEMORY = Pressure("memory_bytes", "", 2 * 2**20, 2_249 * 2**20, CALM, "Raise tcp_mem.")
LEAK = Stuck("not_closed", 140, 1_890.0, WARNING, "Restart it.")
UNREAD = Stuck("eof_unread", 1, 59.9, CALM, "Read it.")
WAITING = CloseWait(
    causes={
        "eof_unread": CauseCount(1, 59.9),
        "not_closed": CauseCount(140, 1_890.0),
        "peer_gone": CauseCount(0, 0.0),
        "window_closed": CauseCount(0, 0.0),
    },
    owners=(OwnerCount(Owner("api.service", ""), 140),),
    remotes=(RemoteCount("10.0.0.7", 1),),
    unlisted=1,
    leaks=(Leak(Owner("api.service", "worker"), 140, 1 / 3, OpenFiles(424, 1024)),),
)


def finding(name: str, severity: Severity, advice: str, detail: str) -> FindingState:
    """Return a finding that found something."""
    return FindingState(Finding(name, severity, advice, lambda _evidence: None), detail)


SMALL_RANGE = finding(
    "small_range", WARNING, "Add addresses.", "has 28,232 local ports; needs 35,604"
)
ODD_RANGE = finding("odd_range", CALM, "Make it even.", "32768 60998")


def assessment(  # noqa: PLR0913 - the parts of an assessment
    *pressures: Pressure,
    severity: Severity = CALM,
    stuck: tuple[Stuck, ...] = (),
    close_wait: CloseWait | None = None,
    findings: tuple[FindingState, ...] = (),
    failures: tuple[tuple[str, str], ...] = (),
    blind: bool = False,
    refused: Refused | None = None,
) -> Assessment:
    """Return an assessment, of a calm host unless told otherwise."""
    return Assessment(
        *("host", severity, pressures, stuck, close_wait, findings, failures, blind),
        refused=refused,
    )


NO_PORT = FailureKind("connect", "no_port")
REFUSED = Refused(
    300.0,
    (
        Refusal(
            NO_PORT,
            FailureOwner(
                *(NO_PORT, Owner("nginx.service", "nginx"), "10.0.0.2", "10.0.0.9", "443")
            ),
            *(1177, 0.0, CRITICAL, "Keep connections open."),
            pool="10.0.0.2 → 10.0.0.9:443",
        ),
        Refusal(FailureKind("connect", "port_taken"), None, 3, 70.0, WARNING, "Bind to 0."),
    ),
)
TROUBLE = assessment(
    UPSTREAM,
    QUEUE,
    CLIENTS,
    MEMORY,
    severity=CRITICAL,
    stuck=(LEAK, UNREAD),
    close_wait=WAITING,
    findings=(SMALL_RANGE, ODD_RANGE),
    failures=(("limits", "/proc/net/sockstat: absent"), ("findings", "/proc/net/sockstat: absent")),
)
REFUSING = assessment(
    UPSTREAM._replace(seconds_left=0.0, refused=True), severity=CRITICAL, refused=REFUSED
)
QUIET = assessment(CLIENTS, MEMORY)
BLIND = assessment(failures=(("pools", "sock_diag: refused"),), blind=True)


def pool_sample() -> NamespaceSample:
    """Return a sample with the pool of UPSTREAM, 418 closes a second."""
    key = PoolKey(bytes(16), bytes(16), b"\x01\xbb")
    ages = array("I", [418] * 60 + [420]).tobytes()
    usage = Usage(26_822, 28_232, 25_500, 0, ages=ages, hold=62.0, blocked=12)
    outlook = Outlook(41.7, 1.26, 430.0, 9)
    pool = ListedPool(key, "10.0.0.2", "10.0.0.9", "443", usage, outlook=outlook)
    ports = LocalPorts(*(32_768, 60_999), 0, 28_232, 26_822, 0, 28_232, 12)
    settings, reuse = PortRange(32_768, 60_999, 0), TimeWaitReuse(False, False)  # noqa: FBT003
    return NamespaceSample(
        "host",
        {
            POOLS: Outcome(0.0, {"outbound": PoolTable(1, 0.95, 0.95, (pool,), 0, 0)}),
            SYSCTLS: Outcome(0.0, {"tcp_tw_reuse": 0, "tcp_timestamps": 1}),
            LOCAL_PORTS: Outcome(0.0, replace(ports, settings=settings, reuse=reuse)),
        },
    )


def observation(
    found: Assessment,
    *,
    left_out: LeftOut = (),
    host: str = "web-1",
    sample: NamespaceSample = NOTHING,
) -> Observation:
    """Return a look at night."""
    return Observation(host, WHEN, 0.12, found, left_out, sample=sample)


def printed(found: Assessment, *, width: int = 80, charset: Charset = UNICODE) -> str:
    """Return the report of an assessment without colours, lines without trailing blanks."""
    return rendered(observation(found), width=width, charset=charset)


def rendered(seen: Observation, *, width: int = 80, charset: Charset = UNICODE) -> str:
    """Return the report of a look, as `printed` does."""
    output = StringIO()
    console = Console(file=output, width=width, markup=False, highlight=False, emoji=False)
    console.print(report(seen, charset, width))
    return "\n".join(line.rstrip() for line in output.getvalue().splitlines())
