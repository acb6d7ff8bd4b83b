"""Windows' settings: what netsh prints, and the registry, both recorded or made up."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import ModuleType
from typing import Self

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange, port_range, ports_of
from tcp_pressure_exporter.sources.portable.windows import (
    WindowsFacts,
    netsh_path,
    parse_dynamic_ports,
    parse_excluded_ports,
    read_parameter,
)
from tests.sources.portable.system_recordings import DYNAMIC_PORTS, EXCLUDED_PORTS

WINDOWS_10, WINDOWS_XP = (10, 0), (5, 1)


def as_run(text: str) -> str:
    """Decode what a console of another code page printed, as command.py does."""
    return text.replace("\n", "\r\n").encode().decode("ascii", "replace")


def netsh(arguments: Sequence[str]) -> str:
    """Answer as netsh does."""
    program, *question = arguments
    assert program.endswith(r"\System32\netsh.exe")
    answers: dict[tuple[str, ...], str] = {
        ("int", "ipv4", "show", "dynamicport", "tcp"): DYNAMIC_PORTS["english"],
        ("int", "ipv4", "show", "excludedportrange", "protocol=tcp"): EXCLUDED_PORTS,
    }
    return as_run(answers[tuple(question)])


def facts(registry: Mapping[str, int], version: tuple[int, int] = WINDOWS_10) -> WindowsFacts:
    return WindowsFacts(registry.get, netsh, version)


@pytest.mark.parametrize("language", DYNAMIC_PORTS)
def test_dynamic_ports(language: str) -> None:
    """The dynamic port range is read in any language: 16384 ports from 49152 on."""
    assert parse_dynamic_ports(as_run(DYNAMIC_PORTS[language])) == (49152, 65535)


@pytest.mark.parametrize(
    "text",
    [
        "",  # what wine prints
        "Start Port : 49152\n",
        "Start Port : 0\nNumber of Ports : 100\n",
        "Start Port : 60000\nNumber of Ports : 10000\n",
        "Start Port : 60000\nNumber of Ports : 0\n",
        "a : 1\nb : 2\nc : 3\n",
    ],
)
def test_no_dynamic_ports(text: str) -> None:
    """Anything but a port range is an error that names netsh."""
    with pytest.raises(SourceError, match=r"^netsh dynamicport: "):
        parse_dynamic_ports(text)


def test_excluded_ports() -> None:
    """The excluded ranges are a set of ports, administered ones (with a star) included."""
    expected = {5357, 9800, 9801, *range(49671, 49771), *range(49871, 49971)}
    expected |= {*range(50000, 50060), *range(61117, 61217), *range(61220, 61320)}
    expected |= set(range(61902, 62002))
    assert set(ports_of(parse_excluded_ports(as_run(EXCLUDED_PORTS)))) == expected


def test_no_excluded_ports() -> None:
    """If nothing is excluded, the table has no line, and the set no port."""
    table = "Start Port    End Port\r\n----------    --------\r\n\r\n* - Administered.\r\n"
    assert parse_excluded_ports(table) == 0


@pytest.mark.parametrize("line", ["70000 70001", "200 100", "1 9999999999"])
def test_bad_excluded_ports(line: str) -> None:
    """A range that cannot be is an error that names netsh."""
    with pytest.raises(SourceError, match=r"^netsh excludedportrange: "):
        parse_excluded_ports(f"  {line}\n")


@given(st.text())
def test_any_text(text: str) -> None:
    """Whatever netsh prints, the parsers return ports or raise SourceError."""
    with suppress(SourceError):
        assert 0 < parse_dynamic_ports(text)[0] < 65536
    with suppress(SourceError):
        assert 0 <= parse_excluded_ports(text) < 1 << 65536


@given(st.integers(1, 65535), st.integers(1, 65535), st.text("äß Портов-", max_size=20))
def test_any_range(first: int, count: int, words: str) -> None:
    """Any range that fits below 65536 is read, whatever the words before the colon."""
    text = f"{words}\n---\n{words} : {first}\n{words} : {count}\n"
    if first + count <= 65536:
        assert parse_dynamic_ports(text) == (first, first + count - 1)
    else:
        with pytest.raises(SourceError):
            parse_dynamic_ports(text)


def test_port_range() -> None:
    """The excluded ports are reserved, and the search goes through every port."""
    found = facts({}).port_range()
    assert found == PortRange(49152, 65535, parse_excluded_ports(EXCLUDED_PORTS), in_pairs=False)
    assert found.usable.bit_count() == 16384 - 560
    assert found.usable & port_range(50000, 50059) == 0


@pytest.mark.parametrize(
    ("registry", "version", "seconds"),
    [
        ({}, WINDOWS_10, 120),  # Microsoft's description for Windows Server 2003
        ({}, WINDOWS_XP, 240),  # the same for Windows 2000
        ({"TcpTimedWaitDelay": 30}, WINDOWS_10, 30),
        ({"TcpTimedWaitDelay": 300}, WINDOWS_XP, 300),
        ({"TcpTimedWaitDelay": 5}, WINDOWS_10, 30),  # the nearest that is allowed
        ({"TcpTimedWaitDelay": 2**32 - 1}, WINDOWS_10, 300),
    ],
)
def test_time_wait(registry: Mapping[str, int], version: tuple[int, int], seconds: int) -> None:
    """TIME_WAIT lasts as the registry says, within its bounds, or as the version's default."""
    assert facts(registry, version).time_wait_seconds() == seconds


def test_settings() -> None:
    """The settings are the delay in force and MaxUserPort if it is set."""
    assert facts({}).settings() == {"TcpTimedWaitDelay": 120}
    both = {"TcpTimedWaitDelay": 5, "MaxUserPort": 65534}
    assert facts(both).settings() == both


def test_netsh_path() -> None:
    """Netsh is started from the system's folder, wherever that is."""
    assert netsh_path({"SystemRoot": r"D:\WINNT"}) == r"D:\WINNT\System32\netsh.exe"
    assert netsh_path({}) == r"C:\Windows\System32\netsh.exe"


class FakeRegistry(ModuleType):
    """The module winreg, with the values of one key, or an error."""

    HKEY_LOCAL_MACHINE = "HKLM"

    def __init__(self, values: Mapping[str, object], error: OSError | None = None) -> None:
        super().__init__("winreg")
        self._values = values
        self._error = error

    def OpenKey(self, root: str, path: str) -> "FakeRegistry":  # noqa: N802 - winreg's name
        assert (root, path) == ("HKLM", r"SYSTEM\CurrentControlSet\Services\Tcpip\Parameters")
        if self._error:
            raise self._error
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        pass

    def QueryValueEx(self, _key: object, name: str) -> tuple[object, int]:  # noqa: N802 - as above
        if name not in self._values:
            raise FileNotFoundError(2, "not there")
        return self._values[name], 4


def test_registry(monkeypatch: pytest.MonkeyPatch) -> None:
    """A number is read, and one that is not set is absent."""
    monkeypatch.setitem(sys.modules, "winreg", FakeRegistry({"TcpTimedWaitDelay": 60}))
    assert read_parameter("TcpTimedWaitDelay") == 60
    assert read_parameter("MaxUserPort") is None


def test_registry_without_a_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """A text where a number belongs is an error that names the value."""
    monkeypatch.setitem(sys.modules, "winreg", FakeRegistry({"TcpTimedWaitDelay": "60"}))
    with pytest.raises(SourceError, match="TcpTimedWaitDelay: expected a number"):
        read_parameter("TcpTimedWaitDelay")


def test_registry_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    """A registry that may not be read is an error with the system's reason."""
    denied = FakeRegistry({}, PermissionError(13, "Access is denied"))
    monkeypatch.setitem(sys.modules, "winreg", denied)
    with pytest.raises(SourceError, match="TcpTimedWaitDelay: Access is denied"):
        read_parameter("TcpTimedWaitDelay")
