"""The exporter as its users meet it: a process with flags, signals, files and a page."""

import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tests.support.labs.exporter_process import (
    AS_NOBODY,
    COMMAND,
    Access,
    Exporter,
    run_exporter,
    running_exporter,
    value_of,
)
from tests.support.labs.prometheus_server import PROMTOOL

NOBODY = (sys.executable, "-c", AS_NOBODY)
PATIENCE_SECONDS = 10.0


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Where the exporter's standard error goes."""
    return tmp_path / "exporter.log"


def test_start_is_one_clear_line(log: Path) -> None:
    """At the start, one log line says what this kernel refuses, one where the metrics are."""
    with running_exporter(log) as exporter:
        *refused, line = exporter.log.read_text().splitlines()
    assert f"url=http://127.0.0.1:{exporter.port}/metrics" in line
    assert all(" off" in other and "reason=" in other for other in refused)


@pytest.mark.usefixtures("netns")  # where port 10190 is certainly free
def test_default_address_is_named_as_localhost() -> None:
    """Without flags the exporter serves on port 10190 of every address and says so."""
    with subprocess.Popen([COMMAND], stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        # What this kernel refuses may be logged before that.
        line = next(line for line in process.stderr if "is off" not in line)
        process.terminate()
        process.stderr.read()
    assert "url=http://localhost:10190/metrics" in line


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stop(log: Path, number: signal.Signals) -> None:
    """SIGTERM and SIGINT end the process within 2 s with exit code 0."""
    with running_exporter(log) as exporter:
        exporter.signal(number)
        assert exporter.process.wait(timeout=2) == 0
    assert "Traceback" not in log.read_text()


def test_stop_with_an_open_connection(log: Path) -> None:
    """A client that says nothing does not keep the process alive."""
    with (
        running_exporter(log) as exporter,
        socket.create_connection(("127.0.0.1", exporter.port)),
    ):
        exporter.signal(signal.SIGTERM)
        assert exporter.process.wait(timeout=2) == 0


def test_exposition_is_clean(log: Path) -> None:
    """`promtool check metrics` has nothing to say about the page."""
    with running_exporter(log) as exporter:
        page = exporter.metrics()
    check = subprocess.run(
        [PROMTOOL, "check", "metrics"], input=page, capture_output=True, text=True, check=False
    )
    assert (check.returncode, check.stdout, check.stderr) == (0, "", "")


def test_series_budget(log: Path) -> None:
    """The page stays within 500 series."""
    with running_exporter(log) as exporter:
        lines = exporter.metrics().splitlines()
    assert sum(not line.startswith("#") for line in lines) <= 500


def test_memory(log: Path) -> None:
    """The daemon's resident memory stays under 45 MB over many samples and scrapes."""
    with running_exporter(log, "--sample.interval=100ms") as exporter:
        for _ in range(100):
            page = exporter.metrics()
        assert value_of(page, "process_resident_memory_bytes") < 45e6


def test_nobody_sees_everything(log: Path) -> None:
    """As user nobody without any capability, every collector works except those of BPF."""
    with running_exporter(log, command=NOBODY) as exporter:
        status = Path(f"/proc/{exporter.process.pid}/status").read_text()
        page = exporter.metrics()
    assert re.search(r"^Uid:\t65534\t65534\t65534\t65534$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\t0+$", status, re.MULTILINE)
    success = re.findall(
        r'^tcp_pressure_collector_success{collector="(\w+)",.*} 1\.0$', page, re.MULTILINE
    )
    # Nobody may not read conntrack's entries, if the kernel has any.
    assert {*success, "nat", "failures", "active_closes"} == set(COLLECTORS)
    assert not re.search(r"^tcp_pressure_collector_success{.*} 0\.0$", page, re.MULTILINE)
    assert 'tcp_pressure_pool_ratio_max{direction="inbound",netns="host"}' in page


def test_foreign_name(log: Path) -> None:
    """With --web.allowed-host, a page whose name has the exporter's address reads nothing."""
    foreign = Access(headers={"Host": "attacker.example"})
    with running_exporter(log, "--web.allowed-host=127.0.0.1") as exporter:
        asked_by_it = replace(exporter, access=foreign)
        assert {asked_by_it.get(path)[0] for path in ("/", "/metrics", "/api/v1/status")} == {421}
        assert 'tcp_pressure_http_responses_total{code="4xx"} 3.0' in exporter.metrics()


def test_once_prints_the_page() -> None:
    """--once prints one sample and exits with 0."""
    result = run_exporter("--once")
    assert result.returncode == 0
    assert value_of(result.stdout, 'tcp_pressure_local_port_range_low{netns="host"}') > 0


def broken_proc(folder: Path) -> Path:
    """Return a copy of what the exporter reads in /proc, without the port range."""
    for name in ("tcp_tw_reuse", "tcp_timestamps", "tcp_max_tw_buckets"):
        target = folder / "sys/net/ipv4" / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(f"/proc/sys/net/ipv4/{name}", target)
    (folder / "thread-self/net").mkdir(parents=True)
    for name in ("sockstat", "netstat", "snmp"):
        shutil.copyfile(f"/proc/net/{name}", folder / "thread-self/net" / name)
    return folder


def test_a_failing_source_takes_only_its_metrics_along(tmp_path: Path, log: Path) -> None:
    """Without the port range, ports and pools vanish and say so; sockets and limits carry on."""
    procfs = f"--path.procfs={broken_proc(tmp_path / 'proc')}"
    # If closes are counted, they need the pools too.
    flags = ("--sample.interval=100ms", "--no-collector.active_closes")
    with running_exporter(log, procfs, *flags) as exporter:
        page = exporter.metrics()
        deadline = time.monotonic() + PATIENCE_SECONDS
        while value_of(page, "tcp_pressure_collector_failures_total") < 10:  # five, twice
            assert time.monotonic() < deadline, page
            time.sleep(0.05)
            page = exporter.metrics()
        lines = log.read_text().splitlines()
    failing = re.findall(r'tcp_pressure_collector_success{collector="(\w+)",.*} 0\.0', page)
    assert set(failing) == {"local_ports", "pools", "canary", "pool_owners", "findings"}
    assert "tcp_pressure_sockets{" in page
    assert "tcp_pressure_resource_used{" in page
    assert "tcp_pressure_local_port" not in page
    assert not re.search(r'tcp_pressure_pool.*direction="(out|in)bound"', page)
    failures = [line for line in lines if "level=error" in line]
    assert len(failures) == 1, "one line for one reason, however many collectors and samples failed"
    assert "net.ipv4.ip_local_port_range: absent" in failures[0]
    assert "collector=local_ports,pools,canary,pool_owners,findings " in failures[0]
    assert run_exporter("--once", procfs).returncode == 1


@contextmanager
def established_connection() -> Iterator[None]:
    """Hold one connection over loopback, which makes an outbound and an inbound pool."""
    with (
        socket.create_server(("127.0.0.1", 0)) as server,
        socket.create_connection(server.getsockname()),
        server.accept()[0],
    ):
        yield


def wait_for_listed_pools(exporter: Exporter) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "tcp_pressure_pool_ports_used{" not in exporter.metrics():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_reload(tmp_path: Path, log: Path) -> None:
    """SIGHUP applies a good file; a bad one changes nothing and is named in one line."""
    config = tmp_path / "config.yml"
    config.write_text("pools: {min_ratio: 1}\n")
    flags = (f"--config.file={config}", "--sample.interval=100ms")
    with running_exporter(log, *flags) as exporter, established_connection():
        assert "tcp_pressure_pool_ports_used{" not in exporter.metrics()
        config.write_text("pools: {min_ratio: 0}\n")
        exporter.signal(signal.SIGHUP)
        exporter.wait_for_log("configuration reloaded")
        wait_for_listed_pools(exporter)
        config.write_text("pools: {min_ratio: -1}\n")
        exporter.signal(signal.SIGHUP)
        line = exporter.wait_for_log("not reloaded").splitlines()[-1]
        assert "pools.min_ratio" in line
        wait_for_listed_pools(exporter)
        page = exporter.metrics()
    assert value_of(page, 'tcp_pressure_config_reloads_total{result="success"}') == 1
    assert value_of(page, 'tcp_pressure_config_reloads_total{result="failure"}') == 1


@pytest.mark.parametrize(
    ("flags", "reason"),
    [
        (["--sample.interval=-1s"], "--sample.interval"),
        (["--web.listen-address=nonsense"], "--web.listen-address"),
        (["--web.telemetry-path=/-/ready"], "--web.telemetry-path"),
        (["--web.allowed-host=a.example:80"], "--web.allowed-host"),
        (["--config.file=/nonexistent.yml"], "/nonexistent.yml"),
        (["--colector.pools"], "--colector.pools"),
    ],
)
def test_bad_flags(flags: list[str], reason: str) -> None:
    """A bad flag gives one line that names it, exit code 2, and nothing on standard output."""
    result = run_exporter(*flags)
    assert result.returncode == 2
    assert result.stdout == ""
    (line,) = result.stderr.splitlines()
    assert reason in line


def test_port_in_use() -> None:
    """A taken port gives one line and exit code 2."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        result = run_exporter(f"--web.listen-address={address}")
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert address in line


def test_port_without_permission() -> None:
    """A privileged port without the capability gives one line and exit code 2."""
    result = run_exporter("--web.listen-address=127.0.0.1:81", command=NOBODY)
    assert result.returncode == 2
    (line,) = result.stderr.splitlines()
    assert "permission denied" in line
