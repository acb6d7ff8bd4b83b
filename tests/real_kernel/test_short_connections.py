"""Who fills a pool with connections that live for milliseconds: seen by few looks, but counted."""

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.sources.bpf.active_closes import open_active_closes
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.briefing import brief
from tests.daemon.report.process import REPORT
from tests.support.labs.exporter_process import running_exporter
from tests.support.labs.lab import Observer
from tests.support.labs.network_namespace import set_sysctl
from tests.support.labs.short_connections import proxy, upstream

REMOTE = "127.0.0.9"
PATIENCE_SECONDS = 60.0
# Root without the privilege to load BPF programs.
WITHOUT_BPF = ("setpriv", "--bounding-set", "-bpf,-perfmon,-sys_admin")
NOT_COUNTED = ("--no-collector.failures", "--no-collector.active_closes")


@pytest.fixture
def nginx(netns: None) -> Iterator[None]:  # noqa: ARG001 - in the namespace
    """Run a proxy that fills its 400 ports within a minute."""
    set_sysctl("ip_local_port_range", "40000 40399")
    set_sysctl("tcp_tw_reuse", 0)
    with upstream(), proxy("nginx", REMOTE):
        yield


def owners(observer: Observer) -> tuple[SeenOwner, ...]:
    found = observer.sample()
    pools = [pressure for pressure in assess(found).pressures if pressure.kind == OUTBOUND]
    return pools[0].owners if pools else ()


def until(ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer; return it."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not (answer := ask()):
        assert time.monotonic() < end
        time.sleep(0.2)
    return answer


@pytest.mark.usefixtures("nginx")
def test_met_by_few_looks() -> None:
    """The proxy is named just by its live sockets, and still is in looks that see none."""
    observer = Observer()
    with closing(observer.namespace):
        (first, *_) = until(lambda: owners(observer))
        assert first.owner.process == "nginx"
        assert first.closed is None
        (now,) = until(lambda: [one for one in owners(observer) if one.sockets == 0])
        assert now.owner.process == "nginx"
        assert 0 < now.seconds_ago < PATIENCE_SECONDS


@pytest.mark.bpf
@pytest.mark.usefixtures("netns")
def test_counted() -> None:
    """If closes are counted, the proxy is named with its share, whether or not a look saw it."""
    set_sysctl("ip_local_port_range", "40000 40399")
    set_sysctl("tcp_tw_reuse", 0)
    source = open_active_closes()
    assert not isinstance(source, Missing), source.reason
    with closing(source), upstream(), proxy("nginx", REMOTE):
        observer = Observer(closes=source)
        with closing(observer.namespace):
            (maker,) = until(lambda: [one for one in owners(observer) if one.closed])
            assert (maker.owner.process, maker.closed_share) == ("nginx", 1.0)
            told = brief(assess(observer.sample()), 10)
    assert told.closest.rows[0].owners.listed == "nginx 100 %"
    assert told.closest.note == ""


def status(exporter: Any) -> dict[str, Any]:
    _code, body = exporter.get("/api/v1/status")
    (pool, *_) = [
        pressure
        for pressure in json.loads(body)["namespaces"][0]["pressures"]
        if pressure["kind"] == "outbound" and REMOTE in pressure["name"]
    ] or [{"owners": []}]
    return dict(pool)


@pytest.mark.parametrize(
    "flags",
    [pytest.param((), marks=pytest.mark.bpf, id="bpf"), pytest.param(NOT_COUNTED, id="looks")],
)
@pytest.mark.usefixtures("nginx")
def test_page_metrics_and_document(flags: tuple[str, ...], tmp_path: Path) -> None:
    """The exporter's page, its document and its alerts' series name the proxy, either way."""
    with running_exporter(tmp_path / "log", "--sample.interval=500ms", *flags) as exporter:
        pool = until(lambda: [one for one in [status(exporter)] if one["owners"]])[0]
        assert pool["owners"][0]["process"] == "nginx"
        page, metrics = exporter.get("/")[1], exporter.metrics()
    labels = 'process="nginx"'
    closes, sockets = "tcp_pressure_pool_active_closes_total{", "tcp_pressure_pool_owner_sockets{"
    named = [line for line in metrics.splitlines() if labels in line]
    if flags:
        assert any(line.startswith(sockets) for line in named)
        assert not any(line.startswith(closes) for line in named)
    else:
        assert any(line.startswith(closes) for line in named)
    assert "nginx" in page
    assert "No owner is known" not in page


def critical_report(*command: str) -> str:
    """Return the text of the first report that is critical: by the forecast, or by the ratio."""

    def look() -> str:
        done = subprocess.run(
            [*command, *REPORT], capture_output=True, text=True, timeout=30, check=False
        )
        return done.stdout if done.returncode == Severity.CRITICAL else ""

    return str(until(look))


@pytest.mark.bpf
@pytest.mark.usefixtures("nginx")
def test_report_that_counts() -> None:
    """A single report on a full pool names who leaves its TIME_WAIT."""
    assert "left by: nginx 100 %" in critical_report()


@pytest.mark.usefixtures("nginx")
def test_report_without_rights() -> None:
    """Without BPF it names whoever a look saw, or says that it saw none, and what would help."""
    for _attempt in range(5):
        text = critical_report(*WITHOUT_BPF)
        if "No owner is known" not in text:
            assert "owners: nginx" in text
            return
        assert "CAP_BPF" in text
        assert "owners shown" not in text
    pytest.fail("five reports met no connection")


def document(*flags: str) -> dict[str, Any]:
    """Return the document of a report without BPF."""
    command = [*WITHOUT_BPF, *REPORT, "--json", *flags]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    return dict(json.loads(done.stdout))


@pytest.mark.usefixtures("nginx")
def test_report_that_asks(tmp_path: Path) -> None:
    """A report that may count nothing names the owners that a running exporter remembers."""
    with running_exporter(tmp_path / "log", "--sample.interval=500ms", *NOT_COUNTED) as exporter:
        until(lambda: status(exporter)["owners"])
        url = f"http://127.0.0.1:{exporter.port}"
        found, alone = (document(f"--from={asked}") for asked in (url, "none"))
    assert (found["asked"]["url"], found["asked"]["unused"]) == (url, "")
    (pool, *_) = [one for one in found["pressures"] if REMOTE in one["name"]]
    assert [owner["process"] for owner in pool["owners"]] == ["nginx"]
    assert alone["asked"] is None
