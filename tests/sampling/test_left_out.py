"""What the exporter says at its start."""

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from tcp_pressure_exporter.sampling.host import Host, open_host
from tcp_pressure_exporter.sources.counting.parser import readable_parser
from tests.support.fakes.captured_log import captured_log
from tests.support.sampled import wishes


def host(
    no_process_names: str | None, left_out: Mapping[str, str], no_services: str | None = None
) -> Host:
    built = open_host(wishes("pools"), Path("/proc"), readable_parser(), sys.platform)
    return replace(
        built, no_process_names=no_process_names, no_services=no_services, left_out=left_out
    )


def test_nothing_is_off() -> None:
    """If nothing is missing, nothing is logged."""
    log, logged = captured_log()
    host(None, {}).log_missing(log)
    assert logged.entries == []


def test_what_is_off() -> None:
    """Missing privileges are one line for each reason."""
    log, logged = captured_log()
    host("needs this", {"canary": "needs that", "nat": "needs that"}).log_missing(log)
    assert logged.entries == [
        {"event": "process names are off", "reason": "needs this", "log_level": "info"},
        {
            "event": "collector is off",
            "collector": "canary,nat",
            "reason": "needs that",
            "log_level": "info",
        },
    ]


def test_no_services() -> None:
    """If no socket leads to a service, that is one line: owners are then empty, not unknown."""
    log, logged = captured_log()
    host(None, {}, "no cgroup2").log_missing(log)
    assert logged.entries == [
        {"event": "services are off", "reason": "no cgroup2", "log_level": "info"}
    ]
