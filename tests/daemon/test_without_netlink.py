"""The exporter and the report if netlink is denied: through psutil, on the real kernel."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.labs.exporter_process import COMMAND, running_exporter
from tests.support.labs.lab import Lab
from tests.support.labs.without_netlink import without_netlink

WITHOUT = without_netlink([str(COMMAND)])
LEFT_OUT = {"close_wait", "listen_queues", "pool_owners"}


def absent(page: str, prefix: str) -> bool:
    return f"\ntcp_pressure_{prefix}" not in page


def collectors(page: str) -> dict[str, str]:
    """Return the success of each collector that is on."""
    row = re.compile(r'^tcp_pressure_collector_success{collector="(\w+)".*} (.+)$', re.MULTILINE)
    return dict(row.findall(page))


def test_page(lab: Lab, tmp_path: Path) -> None:
    """What psutil and /proc show is there, what they do not show is absent; the log says why."""
    client, _accepted = lab.connect("127.0.0.1")
    client.close()  # FIN_WAIT2 here, CLOSE_WAIT there
    with running_exporter(tmp_path / "log", command=WITHOUT) as running:
        running.wait_until_ready()
        page = running.metrics()
        log = running.log.read_text()
    assert 'parser="portable"' in page
    assert set(collectors(page).values()) == {"1.0"}
    assert not LEFT_OUT & set(collectors(page))
    assert {"pools", "canary", "limits", "kernel_events"} <= set(collectors(page))
    assert all(absent(page, prefix) for prefix in ("close_wait", "listen_queue", "pool_owner"))
    # Its rates and forecasts begin after one TIME_WAIT.
    assert all(absent(page, name) for name in ("time_wait_entered", "pool_exhaustion"))
    # A test's request that has just ended may be there for a moment too.
    assert re.search(r'family="ipv4",netns="host",state="close_wait"} [1-9]', page)
    assert 'msg="sockets are read through psutil" reason="sock_diag dump: Address family' in log
    off = re.findall(r'msg="collector is off" collector=(\S+) reason="only known from netlink', log)
    assert [set(names.split(",")) for names in off] == [LEFT_OUT]


@pytest.mark.usefixtures("netns")
def test_once() -> None:
    """--once succeeds: what cannot be known is left out, not failed."""
    done = subprocess.run([*WITHOUT, "--once"], capture_output=True, text=True, check=True)
    assert 'tcp_pressure_sockets{family="ipv4",netns="host",state="time_wait"} 0.0' in done.stdout


@pytest.mark.usefixtures("netns")
def test_other_namespaces_are_left_out() -> None:
    """Other namespaces cannot be sampled through psutil: one line says so."""
    command = [*WITHOUT, "--once", "--collector.netns"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert re.search(r'collector=\S+,netns reason="only known from netlink', done.stderr)
    assert 'tcp_pressure_namespaces{state="sampled"}' not in done.stdout
    assert 'tcp_pressure_namespaces{state="not_looked_at"}' in done.stdout


@pytest.mark.usefixtures("netns")
def test_report() -> None:
    """The report has its verdict, and its last line says what it lacks, and why."""
    done = subprocess.run([*WITHOUT, "report"], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("CALM")
    last = " ".join(done.stdout.split("\n\n")[-1].split())
    assert last.startswith("Not shown without netlink (sockets were read through psutil): ")
    assert "close_wait" in last
    command = [*WITHOUT, "report", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    document = json.loads(done.stdout)
    assert {item["feature"] for item in document["left_out"]} >= LEFT_OUT
    assert document["close_wait"] is None
