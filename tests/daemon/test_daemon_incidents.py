"""The exporter as a process under a load that comes in waves: what it says between them."""

import errno
import json
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from tests.pages.json_documents.test_incidents import SCHEMA
from tests.support.labs.exporter_process import START_SECONDS, Exporter, running_exporter
from tests.support.labs.lab import Lab, Pair, time_wait_there
from tests.support.labs.network_namespace import set_sysctl

LOCAL, REMOTE = "127.0.0.2", "127.0.0.9"
PORTS = 300  # some of which requests to the exporter use
FLAGS = ("--sample.interval=100ms", "--sample.max-cpu=1", "--no-collector.nat")


def incidents(exporter: Exporter) -> list[Any]:
    """Return those of the load: asking takes ports too, but towards the exporter."""
    code, body = exporter.get("/api/v1/incidents")
    assert code == 200
    document = json.loads(body)
    fastjsonschema.compile(SCHEMA)(document)
    return [one for one in document["incidents"] if f"→ {REMOTE}:" in one["title"]]


def wait_until(exporter: Exporter, true: Callable[[list[Any]], bool]) -> list[Any]:
    """Return the incidents once the condition holds for them."""
    deadline = time.monotonic() + START_SECONDS
    while not true(found := incidents(exporter)):
        assert time.monotonic() < deadline, found
        time.sleep(0.3)
    return found


def wave(lab: Lab, more: int) -> tuple[list[Pair], int]:
    """Fill the pool and keep going; return the connections, and how many the kernel refused."""
    pairs: list[Pair] = []
    refused = 0
    while refused < more:
        try:
            pairs.append(lab.connect(REMOTE, LOCAL))
        except OSError as error:
            if error.errno != errno.EADDRNOTAVAIL:
                raise
            refused += 1
    return pairs, refused


def ebb(pairs: list[Pair]) -> None:
    """Give back the ports: the server keeps TIME_WAIT."""
    for pair in pairs:
        time_wait_there(pair)


@pytest.mark.bpf
def test_waves(lab: Lab, tmp_path: Path) -> None:
    """An incident has exactly the load's refused calls, and is reported between two waves."""
    set_sysctl("ip_local_port_range", f"20000 {20000 + PORTS - 1}")
    set_sysctl("tcp_tw_reuse", 0)
    file = tmp_path / "config.yml"
    file.write_text("pools: {top: 10}")
    with running_exporter(tmp_path / "log", *FLAGS, f"--config.file={file}") as exporter:
        assert incidents(exporter) == []
        assert "Nothing has been critical" in exporter.get("/")[1]
        pairs, refused = wave(lab, 37)
        (one,) = wait_until(exporter, lambda found: [i["refused"] for i in found] == [refused])
        assert one["sentence"].startswith(f"Outbound pool {LOCAL} → {REMOTE}:9000 is full")
        assert one["goes_on"]
        ebb(pairs)
        (one,) = wait_until(exporter, lambda found: found[0]["minutes"][-1]["samples"] > 1)
        assert (one["peak"]["used"], one["peak"]["limit"]) == (PORTS, PORTS)
        page = exporter.get("/")[1]
        assert "What has happened" in page
        assert f"{refused} calls refused for lack of a port" in page
        exporter.signal(signal.SIGHUP)
        exporter.wait_for_log("configuration reloaded")
        pairs, again = wave(lab, 12)
        ebb(pairs)
        (one,) = wait_until(exporter, lambda found: found[0]["refused"] == refused + again)
        assert sum(minute["refused"] for minute in one["minutes"]) == refused + again
        assert [owner["refused"] for owner in one["owners"]] == [refused + again]


def test_a_full_pool(lab: Lab, tmp_path: Path) -> None:
    """If refusals are not counted, a full pool is an incident all the same, and ends with it."""
    set_sysctl("ip_local_port_range", f"20000 {20000 + PORTS - 1}")
    flags = (*FLAGS, "--no-collector.failures")
    with running_exporter(tmp_path / "log", *flags) as exporter:
        pairs, _refused = wave(lab, 1)
        (one,) = wait_until(exporter, bool)
        assert (one["goes_on"], one["refused"], one["over"]) == (True, 0, False)
        ebb(pairs)
        (one,) = wait_until(exporter, lambda found: not found[0]["goes_on"])
        assert one["peak"]["ratio"] == 1
        assert not one["over"]
