"""docs/troubleshooting.md: each failure is provoked, and the resulting message is on the page."""

import re
import subprocess
import sys
from contextlib import closing
from http.client import HTTPConnection
from pathlib import Path

import bcrypt
import pytest
import yaml

from tests.support.labs.certificates import Authority
from tests.support.labs.exporter_process import (
    COMMAND,
    run_exporter,
    running_exporter,
    value_of,
)
from tests.support.labs.lab import SERVER_PORT, Lab
from tests.support.labs.prometheus_server import running_prometheus
from tests.support.places import DOCS, ROOT

TEXT = (DOCS / "troubleshooting.md").read_text()
CASES = re.findall(r"^## (.+)$", TEXT, re.MULTILINE)
FENCES = re.findall(r"^```(\w*)\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
LINES: list[str] = [line for kind, text in FENCES if not kind for line in text.splitlines()]
WITHOUT_RIGHTS = ("setpriv", "--bounding-set=-all", "--inh-caps=-all", str(COMMAND))
READABLE = (sys.executable, str(ROOT / "benchmarks" / "children" / "readable_daemon.py"))

pytestmark = pytest.mark.usefixtures("netns")


def quoted(words: str) -> str:
    """Return the line of the page with these words."""
    (line,) = [line for line in LINES if words in line]
    return line


def status(port: int) -> tuple[int, str]:
    """Request the metrics over plain HTTP, without a password."""
    with closing(HTTPConnection("127.0.0.1", port, timeout=10)) as connection:
        connection.request("GET", "/metrics")
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def test_the_port_is_taken(tmp_path: Path) -> None:
    """A second exporter on the same port ends with the quoted line and code 2."""
    flag = "--web.listen-address=127.0.0.1:10190"
    with running_exporter(tmp_path / "log", flag):
        second = run_exporter(flag)
    assert (second.returncode, second.stderr) == (2, quoted("listening on this port") + "\n")


def test_flags_and_keys(tmp_path: Path) -> None:
    """A mistyped flag or key is named, with what was probably meant."""
    flag = run_exporter("--sample.intervall=5s")
    assert (flag.returncode, flag.stderr) == (2, quoted("intervall") + "\n")
    (tmp_path / "bad.yml").write_text("pools:\n  topp: 3\n")
    key = run_exporter(f"--config.file={tmp_path}/bad.yml")
    assert (key.returncode, key.stderr.replace(f"{tmp_path}/", "")) == (2, quoted("topp") + "\n")


def test_bpf_is_insisted_on() -> None:
    """Without capabilities --sample.source=bpf ends with the quoted line."""
    done = run_exporter("--sample.source=bpf", command=WITHOUT_RIGHTS)
    assert (done.returncode, done.stderr) == (2, quoted("--sample.source: bpf") + "\n")


def test_what_is_off_is_said(tmp_path: Path) -> None:
    """The log of an exporter without rights has the quoted lines."""
    with running_exporter(tmp_path / "log", "--collector.netns", command=WITHOUT_RIGHTS) as running:
        log = running.log.read_text()
    assert quoted("process names") in log
    assert quoted("collector=netns") in log


def test_a_container_sees_its_own_sockets(tmp_path: Path) -> None:
    """In its own network namespace the exporter has no pool, and one listener: its own."""
    with running_exporter(tmp_path / "log") as running:
        page = running.metrics()
    # The test's own connections to it may be a pool, but not one worth a line.
    assert "tcp_pressure_pool_ports_used{" not in page
    listening = 'tcp_pressure_sockets{family="ipv4",netns="host",state="listen"}'
    assert value_of(page, listening) == 1


def test_another_host_is_asked_for(tmp_path: Path) -> None:
    """With --web.allowed-host, another name gets 421 and the quoted words."""
    log, flag = tmp_path / "log", "--web.allowed-host=127.0.0.1"
    with (
        running_exporter(log, flag) as running,
        closing(HTTPConnection("127.0.0.1", running.port, timeout=10)) as connection,
    ):
        connection.request("GET", "/metrics", headers={"Host": "localhost"})
        answer = connection.getresponse()
        assert (answer.status, answer.read().decode().strip()) == (421, quoted("this host name."))


def test_password_and_tls(tmp_path: Path) -> None:
    """Without the password it is 401, with plain HTTP to the TLS port 400, as the page says."""
    hashed = bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()
    pair = Authority(tmp_path).sign("server")
    tls = {"cert_file": str(pair.cert), "key_file": str(pair.key)}
    for content, expected in (
        ({"basic_auth_users": {"prometheus": hashed}}, 401),
        ({"tls_server_config": tls}, 400),
    ):
        file = tmp_path / "web.yml"
        file.write_text(yaml.safe_dump(content))
        assert f"{expected} " in " ".join(CASES)
        with subprocess.Popen(
            [COMMAND, "--web.listen-address=127.0.0.1:10190", f"--web.config.file={file}"],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stderr
            assert any("serving metrics" in line for line in process.stderr)
            assert status(10190)[0] == expected
            process.terminate()


def test_a_page_is_larger_than_the_limit_of_samples(tmp_path: Path) -> None:
    """A real Prometheus drops the whole page, and says what the heading says."""
    with running_exporter(tmp_path / "log") as running:
        job = {
            "job_name": "tcp-pressure-exporter",
            "scrape_interval": "1s",
            "sample_limit": 50,
            "static_configs": [{"targets": [f"127.0.0.1:{running.port}"]}],
        }
        config = yaml.safe_dump({"scrape_configs": [job]})
        with running_prometheus(config, tmp_path) as prometheus:
            assert prometheus.wait_for("up == 0")
            (target,) = prometheus.api("targets")["activeTargets"]
    assert target["lastError"] == "sample limit exceeded"
    assert f'"{target["lastError"]}"' in " ".join(CASES)


def test_a_light_pool_is_counted_and_reported(lab: Lab, tmp_path: Path) -> None:
    """One connection is no listed pool and counts; the JSON report names it."""
    lab.connect("127.0.0.1")
    # Before there are the test's own connections to an exporter: the report names the fullest only.
    assert f"127.0.0.1:{SERVER_PORT}" in run_exporter("report", "--json").stdout
    with running_exporter(tmp_path / "log") as running:
        page = running.metrics()
    assert "tcp_pressure_pool_ports_used{" not in page
    assert value_of(page, 'tcp_pressure_pools{direction="outbound",netns="host"}') >= 1


def test_settings_cannot_be_read() -> None:
    """Without /proc/sys the report has no verdict, but the quoted words and exit code 3."""
    done = run_exporter("report", "--path.procfs=/nonexistent")
    assert done.returncode == 3
    assert done.stdout.startswith("UNKNOWN")
    assert quoted("no verdict") in " ".join(done.stdout.split())


def test_the_readable_parser_says_so(tmp_path: Path) -> None:
    """Without the compiled one, the startup line says parser=readable."""
    with running_exporter(tmp_path / "log", command=READABLE) as running:
        log = running.log.read_text()
    line = quoted("parser=readable").replace("127.0.0.1:10190", f"127.0.0.1:{running.port}")
    assert line in log
