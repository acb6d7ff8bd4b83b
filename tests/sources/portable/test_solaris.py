"""Solaris' tunables, from ipadm and from ndd."""

from collections.abc import Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.sources.portable.command import Run
from tcp_pressure_exporter.sources.portable.solaris import SolarisFacts, parse_ipadm, parse_ndd
from tests.sources.portable.system_recordings import ILLUMOS_PROPERTIES, SOLARIS_11_4_PROPERTIES

DEFAULTS = {
    "tcp_time_wait_interval": 60000,
    "tcp_smallest_anon_port": 32768,
    "tcp_largest_anon_port": 65535,
}


def ipadm(arguments: Sequence[str]) -> str:
    """Answer as Solaris 11.4's ipadm does."""
    assert arguments[0] == "/usr/sbin/ipadm"
    assert arguments[-1] == "tcp"
    return SOLARIS_11_4_PROPERTIES


def ndd(arguments: Sequence[str]) -> str:
    """Answer as Solaris 10 does, which has no ipadm: ndd prints only the value."""
    if arguments[0] != "/usr/sbin/ndd":
        raise SourceError(arguments[0], "absent")
    assert list(arguments[1:3]) == ["-get", "/dev/tcp"]
    return f"{DEFAULTS[arguments[3]]}\n"


@pytest.mark.parametrize("text", [SOLARIS_11_4_PROPERTIES, ILLUMOS_PROPERTIES])
def test_ipadm(text: str) -> None:
    """The properties are returned under ndd's names, with hyphens or underscores."""
    assert parse_ipadm(text) == DEFAULTS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no property _time_wait_interval"),
        (SOLARIS_11_4_PROPERTIES.replace("smallest", "greatest"), "no property smallest_anon_port"),
        (SOLARIS_11_4_PROPERTIES.replace("32768", "--"), "expected a number"),
    ],
)
def test_bad_ipadm(text: str, reason: str) -> None:
    """A property that is missing, or not a number, is an error that names it."""
    with pytest.raises(SourceError, match=reason):
        parse_ipadm(text)


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever the programs print, the parsers return numbers or raise SourceError."""
    with suppress(SourceError):
        assert set(parse_ipadm(text)) == set(DEFAULTS)
    with suppress(SourceError):
        assert isinstance(parse_ndd("tcp_time_wait_interval", text), int)


@given(st.permutations(ILLUMOS_PROPERTIES.splitlines()), st.integers(0, 2**32))
def test_any_order(lines: list[str], interval: int) -> None:
    """The order of the lines does not matter, nor do other properties between them."""
    text = "\n".join(["max_buf:1048576", *lines]).replace("60000", str(interval))
    assert parse_ipadm(text) == DEFAULTS | {"tcp_time_wait_interval": interval}


@pytest.mark.parametrize("run", [ipadm, ndd])
def test_facts(run: Run) -> None:
    """Both programs give the anonymous ports, and the 60 s of TIME_WAIT."""
    facts = SolarisFacts("11.4.42.111.0", run)
    assert facts.port_range() == PortRange(32768, 65535, 0, in_pairs=False)
    assert facts.time_wait_seconds() == 60.0
    assert facts.settings() == DEFAULTS


def test_failing_ipadm() -> None:
    """An ipadm that exists but fails is an error: ndd might say something else."""

    def denied(arguments: Sequence[str]) -> str:
        raise SourceError(arguments[0], "exit code 1 Permission denied")

    with pytest.raises(SourceError, match="/usr/sbin/ipadm: exit code 1 Permission denied"):
        SolarisFacts("11.3", denied).settings()


def test_impossible_ports() -> None:
    """Anonymous ports that cannot be are an error."""

    def upside_down(_arguments: Sequence[str]) -> str:
        return SOLARIS_11_4_PROPERTIES.replace("32768", "65536")

    with pytest.raises(SourceError, match="anonymous ports from 65536 to 65535"):
        SolarisFacts("11.4", upside_down).port_range()


@pytest.mark.parametrize(
    ("version", "name"),
    [
        ("Generic_147148-26", "solaris"),  # Solaris 10
        ("11.3", "solaris"),
        ("11.4.42.111.0", "solaris 11.4"),
        ("illumos-b3187d9d0f", "solaris"),
    ],
)
def test_name(version: str, name: str) -> None:
    """Solaris 11.4 has its own name, since its vendor allows a shorter TIME_WAIT."""
    assert SolarisFacts(version, ipadm).name == name
