"""The settings of FreeBSD, macOS and OpenBSD, as their sysctl prints them."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange
from tcp_pressure_exporter.sources.portable.bsd import (
    FREEBSD_NAMES,
    OPENBSD_NAMES,
    BsdFacts,
    parse_sysctl,
)
from tests.sources.portable.system_recordings import (
    FREEBSD_SETTINGS,
    MACOS_SETTINGS,
    OPENBSD_SETTINGS,
)


def printing(text: str) -> Callable[[Sequence[str]], str]:
    """Answer as sysctl does that has these variables; it must be asked for all of them."""

    def run(arguments: Sequence[str]) -> str:
        program, *names = arguments
        assert program == "/sbin/sysctl"
        assert set(names) == {line.replace("=", ":").split(":")[0] for line in text.splitlines()}
        return text

    return run


def freebsd(text: str) -> BsdFacts:
    return BsdFacts("bsd", FREEBSD_NAMES, "/sbin/sysctl", printing(text))


@pytest.mark.parametrize(
    ("text", "low", "seconds"), [(FREEBSD_SETTINGS, 10000, 60.0), (MACOS_SETTINGS, 49152, 30.0)]
)
def test_freebsd_and_macos(text: str, low: int, seconds: float) -> None:
    """The default ports are portrange.first to last; TIME_WAIT lasts twice net.inet.tcp.msl."""
    facts = freebsd(text)
    assert facts.port_range() == PortRange(low, 65535, 0, in_pairs=False)
    assert facts.time_wait_seconds() == seconds
    assert facts.settings() == {
        "ip_portrange_first": low,
        "ip_portrange_last": 65535,
        "tcp_msl": int(seconds) * 500,
    }


def test_openbsd() -> None:
    """OpenBSD has its own names, and a fixed TIME_WAIT of a minute."""
    facts = BsdFacts("bsd", OPENBSD_NAMES, "/sbin/sysctl", printing(OPENBSD_SETTINGS))
    assert facts.port_range() == PortRange(1024, 49151, 0, in_pairs=False)
    assert facts.time_wait_seconds() == 60.0
    assert facts.settings() == {"ip_portfirst": 1024, "ip_portlast": 49151}


def test_downward_range() -> None:
    """A range may go downwards: in_pcb.c of FreeBSD then counts down through the same ports."""
    text = FREEBSD_SETTINGS.replace("first: 10000", "first: 65535").replace(
        "last: 65535", "last: 10000"
    )
    assert freebsd(text).port_range() == PortRange(10000, 65535, 0, in_pairs=False)


def test_impossible_range() -> None:
    """Ports beyond 65535 are an error that names the variable."""
    text = FREEBSD_SETTINGS.replace("10000", "70000")
    with pytest.raises(SourceError, match=r"net\.inet\.ip\.portrange\.first: ports from 65535"):
        freebsd(text).port_range()


def test_missing_variable() -> None:
    """A variable that sysctl does not print is absent."""
    facts = BsdFacts("bsd", FREEBSD_NAMES, "/sbin/sysctl", lambda _arguments: "")
    with pytest.raises(SourceError, match=r"net\.inet\.ip\.portrange\.first: absent"):
        facts.settings()


def test_no_number() -> None:
    """A value that is not a number is an error that shows it."""
    with pytest.raises(SourceError, match=r"net\.inet\.tcp\.msl: expected a number, got 'soon'"):
        parse_sysctl("net.inet.tcp.msl: soon\n")


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever sysctl prints, the parser returns numbers or raises SourceError."""
    with suppress(SourceError):
        assert all(isinstance(value, int) for value in parse_sysctl(text).values())


@given(
    st.dictionaries(st.from_regex(r"[a-z0-9]+(\.[a-z0-9]+){1,3}", fullmatch=True), st.integers(0)),
    st.sampled_from([": ", "=", " = "]),
)
def test_any_settings(values: dict[str, int], separator: str) -> None:
    """Names and values are read with the separator of any BSD."""
    values = {name: value % 2**63 for name, value in values.items()}
    text = "".join(f"{name}{separator}{value}\n" for name, value in values.items())
    assert parse_sysctl(text) == values
