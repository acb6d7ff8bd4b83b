"""The exporter on a gateway, with and without the privileges to read its connections."""

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.labs.exporter_process import AS_NOBODY, COMMAND, run_exporter
from tests.support.labs.gateway_lab import OUTSIDE, SERVER, GatewayLab, open_gateway_lab, snat

NOBODY = (sys.executable, "-c", AS_NOBODY)
AS_NOBODY_READING_ALL = (
    *("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"),
    *("--inh-caps=+dac_read_search", "--ambient-caps=+dac_read_search", str(COMMAND)),
)
POOL = (
    f'direction="nat",local_address="{OUTSIDE}",netns="host",port="9000",remote_address="{SERVER}"'
)
USED = f"tcp_pressure_pool_ports_used{{{POOL}}} 3.0"
ONCE = ("--once", "--log.format=json", "--no-collector.canary")


@pytest.fixture
def gateway() -> Iterator[GatewayLab]:
    """Give a gateway that translates three connections to ten ports."""
    with open_gateway_lab() as lab:
        snat("masquerade to :40000-40009")
        for _ in range(3):
            lab.connect()
        yield lab


def success(exposition: str) -> dict[str, str]:
    """Return the success of each collector."""
    found = re.findall(
        r'^tcp_pressure_collector_success{collector="(\w+)",.*} (.*)$', exposition, re.MULTILINE
    )
    return dict(found)


def about_nat(log: str) -> list[dict[str, str]]:
    lines = [json.loads(line) for line in log.splitlines()]
    return [line for line in lines if line.get("collector") == "nat"]


def test_root(gateway: GatewayLab, tmp_path: Path) -> None:  # noqa: ARG001 - it is sampled
    """The pool appears along with those of other directions, with the configured limit."""
    config = tmp_path / "config.yml"
    config.write_text(f"nat:\n  - address: {OUTSIDE}\n    ports: 40000-40009\n")
    once = run_exporter(*ONCE, f"--config.file={config}")
    assert once.returncode == 0, once.stderr
    shown = [line for line in once.stdout.splitlines() if 'direction="nat"' in line]
    assert shown == [
        USED,
        f"tcp_pressure_pool_ports_limit{{{POOL}}} 10.0",
        f"tcp_pressure_pool_time_wait{{{POOL}}} 0.0",
        f"tcp_pressure_pool_reclaimable{{{POOL}}} 0.0",
        'tcp_pressure_pools{direction="nat",netns="host"} 1.0',
        'tcp_pressure_pool_ratio_max{direction="nat",netns="host"} 0.3',
        'tcp_pressure_pool_ratio_max_1m{direction="nat",netns="host"} 0.3',
        'tcp_pressure_unlisted_pool_ports_used{direction="nat",netns="host"} 0.0',
        'tcp_pressure_pool_overflow_sockets{direction="nat",netns="host"} 0.0',
    ]
    assert success(once.stdout)["nat"] == "1.0"
    assert about_nat(once.stderr) == []


def test_nobody(gateway: GatewayLab) -> None:  # noqa: ARG001 - it is sampled
    """Without privileges NAT pools are off: one line names the capability, all else works."""
    once = run_exporter(*ONCE, command=NOBODY)
    assert once.returncode == 0, once.stderr
    assert 'direction="nat"' not in once.stdout
    states = success(once.stdout)
    assert "nat" not in states
    assert set(states.values()) == {"1.0"}
    assert 'tcp_pressure_pools{direction="outbound",netns="host"}' in once.stdout
    assert 'event="nf_conntrack_insert_failed",netns="host"} 0.0' in once.stdout
    [line] = about_nat(once.stderr)
    assert line["msg"] == "collector is off"
    assert "CAP_NET_ADMIN" in line["reason"]


def test_nobody_who_may_read_all(gateway: GatewayLab, tmp_path: Path) -> None:  # noqa: ARG001 - it is sampled
    """CAP_DAC_READ_SEARCH is enough: the pools are read as text."""
    config = tmp_path / "config.yml"
    config.write_text("pools: {min_ratio: 0}\n")
    once = run_exporter(*ONCE, f"--config.file={config}", command=AS_NOBODY_READING_ALL)
    assert once.returncode == 0, once.stderr
    assert USED in once.stdout.splitlines()
    assert about_nat(once.stderr) == []
