from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.counters import (
    parse_conntrack_statistics,
    read_conntrack_statistics,
)
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.labs.conntrack_entry import track_connection

FILE = "thread-self/net/stat/nf_conntrack"
# As Linux 6.18 writes it, of a gateway whose pool of 10 ports was full.
NAMES = (
    "entries  clashres found new invalid ignore delete chainlength insert insert_failed drop"
    " early_drop icmp_error  expect_new expect_create expect_delete search_restart\n"
)
TEXT = NAMES + (
    "0000000a  00000000 00000024 00000000 0000000f 00000000 00000000 00000000 00000000 00000001"
    " 00000001 00000000 00000000  00000000 00000000 00000000 00000000\n"
    "0000000a  00000000 00000020 00000000 00000001 00000000 00000000 00000000 00000000 000000ff"
    " 00000100 00000002 00000000  00000000 00000000 00000000 00000000\n"
)
NUMBERS = st.integers(0, 2**32 - 1)


def test_parse() -> None:
    """Each counter is the sum over the CPUs, in hexadecimal; the number of entries is not one."""
    found = parse_conntrack_statistics(TEXT)
    assert {name: value for name, value in found.items() if value} == {
        "nf_conntrack_found": 0x44,
        "nf_conntrack_invalid": 0x10,
        "nf_conntrack_insert_failed": 0x100,
        "nf_conntrack_drop": 0x101,
        "nf_conntrack_early_drop": 2,
    }
    assert len(found) == 16
    assert "nf_conntrack_entries" not in found


def test_no_processor() -> None:
    """Names without numbers are counters at zero; nothing at all is no counter."""
    assert set(parse_conntrack_statistics(NAMES).values()) == {0}
    assert parse_conntrack_statistics("") == {}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("entries found\n0001\n", "2 names, 1 values"),
        ("entries found\n0001 2 3\n", "2 names, 3 values"),
        ("entries\n-1\n", "expected a number in hex, got '-1'"),
        ("entries\n0x1\n", "expected a number in hex, got '0x1'"),
        ("entries\n٣\n", "expected a number in hex, got '٣'"),
        ("entries\n" + "f" * 99, f"expected a number in hex, got '{'f' * 40}'"),
    ],
)
def test_malformed(text: str, reason: str) -> None:
    """Names without values, values without names and non-numbers are a SourceError."""
    with pytest.raises(SourceError) as caught:
        parse_conntrack_statistics(text)
    assert str(caught.value) == f"/proc/net/stat/nf_conntrack: {reason}"


def test_read(tmp_path: Path) -> None:
    """The file is that of the calling thread's namespace; without conntrack there is none."""
    procfs = FakeProcfs(tmp_path)
    assert read_conntrack_statistics(tmp_path) == {}
    procfs.write(FILE, TEXT)
    assert read_conntrack_statistics(tmp_path)["nf_conntrack_drop"] == 257
    procfs.make_unreadable(FILE)
    with pytest.raises(SourceError, match=r"^/proc/net/stat/nf_conntrack: Is a directory$"):
        read_conntrack_statistics(tmp_path)


def test_many_processors(tmp_path: Path) -> None:
    """The lines of 8,192 CPUs, the most that Linux is built for, are read."""
    line = TEXT.splitlines(keepends=True)[1]
    FakeProcfs(tmp_path).write(FILE, NAMES + line * 8192)
    assert read_conntrack_statistics(tmp_path)["nf_conntrack_drop"] == 8192


def test_real_kernel(netns: None) -> None:  # noqa: ARG001 - its counters are nobody else's
    """For an entry written into conntrack the kernel counts one insertion."""
    before = read_conntrack_statistics(Path("/proc"))
    assert set(before.values()) == {0}
    track_connection(("10.0.0.7", 50000), ("10.0.0.9", 443))
    after = read_conntrack_statistics(Path("/proc"))
    assert {name: n for name, n in after.items() if n} == {"nf_conntrack_insert": 1}


@given(st.lists(st.lists(NUMBERS, min_size=3, max_size=3), min_size=1, max_size=8))
def test_round_trip(lines: list[list[int]]) -> None:
    """Every counter is the sum of its column."""
    text = "entries  drop early_drop\n"
    text += "".join(" ".join(f"{number:08x}" for number in line) + "\n" for line in lines)
    _entries, drop, early_drop = map(sum, zip(*lines, strict=True))
    assert parse_conntrack_statistics(text) == {
        "nf_conntrack_drop": drop,
        "nf_conntrack_early_drop": early_drop,
    }


@given(st.text(alphabet="entries found 09af\n-x", max_size=60))
def test_any_text(text: str) -> None:
    """Any text gives counters or a SourceError."""
    try:
        values = parse_conntrack_statistics(text)
    except SourceError:
        return
    assert all(value >= 0 for value in values.values())
