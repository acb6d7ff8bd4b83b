from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import PortRange, port_set, ports_of
from tcp_pressure_exporter.sources.procfs.settings import (
    parse_port_range,
    parse_reserved_ports,
    read_port_range,
)
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs

RANGE = f"{IPV4}/ip_local_port_range"
RESERVED = f"{IPV4}/ip_local_reserved_ports"


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("32768\t60999", (32768, 60999)),
        ("1024 65535", (1024, 65535)),
        ("40000\t40000\n", (40000, 40000)),
        ("0 0", (0, 0)),
    ],
)
def test_range(text: str, ends: tuple[int, int]) -> None:
    """The range is two ports between white space."""
    assert parse_port_range(text) == ends


@pytest.mark.parametrize(
    "text",
    [
        *("", "32768", "1 2 3", "60999 32768", "0 65536", "-1 5", "a b", "1.5 3", "٣٢ 60999"),
        *("+1 5", "1_0 50", "0x10 0x20", "1" * 5000 + " 5", "5 " + "9" * 5000),
    ],
)
def test_wrong_range(text: str) -> None:
    """Anything else is a SourceError that names the sysctl."""
    with pytest.raises(SourceError, match=r"^net\.ipv4\.ip_local_port_range: "):
        parse_port_range(text)


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("", []),
        ("\n", []),
        ("8080", [8080]),
        ("40002-40003,50000", [40002, 40003, 50000]),
        ("1,3-5,65535\n", [1, 3, 4, 5, 65535]),
        ("0-0", [0]),
    ],
)
def test_reserved(text: str, ports: list[int]) -> None:
    """Reserved ports are single ports and ranges, both ends included, between commas."""
    assert list(ports_of(parse_reserved_ports(text))) == ports


@pytest.mark.parametrize(
    "text",
    [
        *("65536", "1-65536", "-5", "-", "a", "1;2", "1-2-3", "1 2", "1, 2", "٣", "1_0", "+1"),
        *("40000-", "5-3", "9" * 5000, "1-" + "9" * 5000),
    ],
)
def test_wrong_reserved(text: str) -> None:
    """Anything else is a SourceError that names the sysctl, never a guessed set."""
    with pytest.raises(SourceError, match=r"^net\.ipv4\.ip_local_reserved_ports: "):
        parse_reserved_ports(text)


def written_as_the_kernel_does(ports: frozenset[int]) -> str:
    """Write a set of ports as proc_do_large_bitmap does: runs as first-last (kernel/sysctl.c)."""
    marks = sorted(ports)
    starts = [0, *(i + 1 for i, (a, b) in enumerate(pairwise(marks)) if b > a + 1), len(marks)]
    runs = [marks[a:b] for a, b in pairwise(starts) if b > a]
    return ",".join(str(r[0]) if len(r) == 1 else f"{r[0]}-{r[-1]}" for r in runs) + "\n"


@given(st.frozensets(st.integers(0, 65535) | st.integers(100, 140), max_size=80))
def test_any_reserved_set(ports: frozenset[int]) -> None:
    """Every set of ports is read back from the text that the kernel prints for it."""
    assert parse_reserved_ports(written_as_the_kernel_does(ports)) == port_set(ports)


ALMOST_PORTS = st.text(alphabet="0123456789-, \t\n٣x_+", max_size=20)


@given(ALMOST_PORTS | st.text(max_size=20))
def test_any_text(text: str) -> None:
    """Any text is read or refused with a SourceError, and what is read is within 0..65535."""
    try:
        low, high = parse_port_range(text)
    except SourceError:
        pass
    else:
        assert 0 <= low <= high <= 65535
    try:
        reserved = parse_reserved_ports(text)
    except SourceError:
        return
    assert 0 <= reserved < 1 << 65536


def test_usable() -> None:
    """The usable ports are the range minus the reserved ones inside it."""
    settings = PortRange(40000, 40009, port_set([40002, 40003, 50000]))
    assert list(ports_of(settings.usable)) == [
        *(40000, 40001, 40004, 40005, 40006, 40007, 40008, 40009)
    ]


def test_read(tmp_path: Path) -> None:
    """Both sysctls of the namespace make the setting."""
    FakeProcfs(tmp_path).write(RESERVED, "40002-40003,50000\n")
    expected = PortRange(40000, 40009, port_set([40002, 40003, 50000]))
    assert read_port_range(tmp_path) == expected


def test_no_reserved_sysctl(tmp_path: Path) -> None:
    """A kernel without the sysctl reserves nothing."""
    FakeProcfs(tmp_path).remove(RESERVED)
    assert read_port_range(tmp_path) == PortRange(40000, 40009, 0)


def test_no_range_sysctl(tmp_path: Path) -> None:
    """Without the range nothing is known: a SourceError."""
    FakeProcfs(tmp_path).remove(RANGE)
    with pytest.raises(SourceError, match="ip_local_port_range: absent"):
        read_port_range(tmp_path)


@pytest.mark.parametrize("name", [RANGE, RESERVED])
def test_unreadable(tmp_path: Path, name: str) -> None:
    """A sysctl that exists and cannot be read is a SourceError, not an absent one."""
    FakeProcfs(tmp_path).make_unreadable(name)
    with pytest.raises(SourceError, match="Is a directory"):
        read_port_range(tmp_path)


def test_longest_reserved_text(tmp_path: Path) -> None:
    """Every second port reserved is the longest text there is: none of its ports may be lost."""
    ports = frozenset(range(1, 65536, 2))
    FakeProcfs(tmp_path).write(RESERVED, written_as_the_kernel_does(ports))
    assert set(ports_of(read_port_range(tmp_path).reserved)) == ports
