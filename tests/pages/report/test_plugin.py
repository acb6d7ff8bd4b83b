"""The line of a monitoring plugin, by the Monitoring Plugins Development Guidelines."""

import re

import pytest

from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pages.report.plugin import plugin_line, plugin_text
from tcp_pressure_exporter.verdict.assessment import Assessment
from tests.pages.report.observations import BLIND, QUIET, TROUBLE, UPSTREAM, assessment, observation

# Section "Performance data": 'label'=value[UOM];[warn];[crit];[min];[max], separated by spaces.
FIGURE = re.compile(
    r"'(?P<label>[^'=]+)'=(?P<value>-?[0-9.]+|U)(?P<unit>s|%|)"
    r";(?P<warn>[0-9.:~@]*);(?P<crit>[0-9.:~@]*);(?P<min>[0-9.]*);(?P<max>[0-9.]*)"
)


def figures(found: Assessment) -> dict[str, re.Match[str]]:
    """Return the performance data by label."""
    line = plugin_line(observation(found))
    matches = [FIGURE.fullmatch(word) for word in line.split(" | ")[1].split(" ")]
    assert all(matches)
    return {match["label"]: match for match in matches if match}


@pytest.mark.parametrize(
    ("found", "begins"),
    [
        (QUIET, "TCP PRESSURE OK - All is calm: nothing is near its limit."),
        (
            TROUBLE,
            "TCP PRESSURE CRITICAL - Outbound pool 10.0.0.2 -> 10.0.0.9:443 is 95 % full",
        ),
        (BLIND, "TCP PRESSURE UNKNOWN - The sockets could not be read, so there is no verdict."),
    ],
)
def test_text(found: Assessment, begins: str) -> None:
    """The output begins with the service and one of the four states, in one line of ASCII."""
    line = plugin_line(observation(found))
    assert line.startswith(begins)
    assert line.isascii()
    assert "\n" not in line


def test_figures() -> None:
    """Each kind has its fullest resource, in per cent, with the ratios from which it is bad."""
    found = figures(TROUBLE)
    assert found["outbound"][0] == "'outbound'=95.01%;70;90;0;"  # 26,822 of 28,232
    assert found["listen_queue"][0] == "'listen_queue'=100.8%;80;;0;"  # 129 of 128
    assert found["full_in"][0] == "'full_in'=41s;;60:;0;"
    assert found["close_wait"][0] == "'close_wait'=141;;;0;"


@pytest.mark.parametrize("found", [QUIET, TROUBLE, BLIND])
def test_labels_are_always_the_same(found: Assessment) -> None:
    """The labels are always the same: a monitoring system keeps a file for each."""
    assert set(figures(found)) == {*KINDS, "full_in", "close_wait"}


def test_what_is_not_known() -> None:
    """A figure that is not known is U."""
    found = figures(BLIND)
    assert found["full_in"]["value"] == found["close_wait"]["value"] == "U"


def test_hostile_name() -> None:
    """A name can begin neither the performance data nor a second line."""
    pressure = UPSTREAM._replace(name="10.0.0.2%a|'x'=1\n2 \x1b[31m → 10.0.0.9:443")
    line = plugin_line(observation(assessment(pressure, severity=pressure.severity)))
    assert line.count("|") == 1
    assert "\n" not in line
    assert r"%a\x7c'x'=1\n2 \x1b[31m -> " in line


def test_misuse() -> None:
    """An earlier failure is a state and a reason."""
    assert plugin_text("UNKNOWN", "--x: unknown flag") == "TCP PRESSURE UNKNOWN - --x: unknown flag"
