from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.sockstat import parse_tcp_sockstat, read_tcp_sockstat
from tests.fake_procfs import FakeProcfs

FILE = "thread-self/net/sockstat"
LINE = "TCP: inuse 5 orphan 0 tw 2 alloc 7 mem 1"
FIELDS = {"inuse": 5, "orphan": 0, "tw": 2, "alloc": 7, "mem": 1}


def test_read(tmp_path: Path) -> None:
    """The line TCP of the thread's own namespace is read, among the lines of other protocols."""
    FakeProcfs(tmp_path)
    assert read_tcp_sockstat(tmp_path) == FIELDS


@pytest.mark.parametrize(
    "text",
    [LINE, f"{LINE}\n", f"UDP: inuse 3\n{LINE}\nTCP6: inuse 9\n", f"TCP6: inuse 9\n{LINE}"],
)
def test_line(text: str) -> None:
    """The line is found by its exact protocol, wherever it stands."""
    assert parse_tcp_sockstat(text) == FIELDS


@pytest.mark.parametrize("text", ["", "UDP: inuse 3 mem 1\n", "tcp: inuse 5\n", "TCP6: inuse 9\n"])
def test_no_line(text: str) -> None:
    """Without the line there is no answer: a SourceError."""
    with pytest.raises(SourceError, match=r"^/proc/net/sockstat: no line TCP$"):
        parse_tcp_sockstat(text)


@pytest.mark.parametrize("value", ["many", "1.5", "9" * 5000])
def test_no_number(value: str) -> None:
    """A field that is no number is a SourceError that names it."""
    with pytest.raises(SourceError, match=r"^/proc/net/sockstat TCP tw: expected a number"):
        parse_tcp_sockstat(f"TCP: inuse 5 tw {value}")


def test_absent(tmp_path: Path) -> None:
    """A missing file is a SourceError: every kernel has it."""
    FakeProcfs(tmp_path).remove(FILE)
    with pytest.raises(SourceError, match=r"^/proc/net/sockstat: absent$"):
        read_tcp_sockstat(tmp_path)


def test_unreadable(tmp_path: Path) -> None:
    """A file that cannot be read is a SourceError."""
    FakeProcfs(tmp_path).make_unreadable(FILE)
    with pytest.raises(SourceError, match="Is a directory"):
        read_tcp_sockstat(tmp_path)


def test_not_ascii(tmp_path: Path) -> None:
    """Bytes that are not ASCII are a SourceError."""
    FakeProcfs(tmp_path).write(FILE, b"TCP: inuse \xff\n")
    with pytest.raises(SourceError, match="can't decode"):
        read_tcp_sockstat(tmp_path)


def test_huge(tmp_path: Path) -> None:
    """A file without end is no sockstat: a SourceError, after a bounded read."""
    FakeProcfs(tmp_path).write(FILE, f"{LINE}\n" + "x" * 1_000_000 + "\nTCP: inuse 6\n")
    with pytest.raises(SourceError, match=r"65536 bytes or more$"):
        read_tcp_sockstat(tmp_path)


@given(st.text(alphabet="TCPinuse: 0123\n٣x", max_size=40))
def test_any_text(text: str) -> None:
    """Any text gives fields or a SourceError."""
    try:
        fields = parse_tcp_sockstat(text)
    except SourceError:
        return
    assert all(isinstance(value, int) for value in fields.values())
