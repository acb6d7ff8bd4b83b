from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.resources import (
    count_tcp_sockets,
    parse_tcp_sockstat,
    read_tcp_sockstat,
)
from tests.support.fakes.fake_procfs import FakeProcfs
from tests.support.labs.lab import Lab, time_wait_here

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
    """The line is found by its exact protocol, wherever it is."""
    assert parse_tcp_sockstat(text) == FIELDS


@pytest.mark.parametrize("text", ["", "UDP: inuse 3 mem 1\n", "tcp: inuse 5\n", "TCP6: inuse 9\n"])
def test_no_line(text: str) -> None:
    """Without the line there is no answer: a SourceError."""
    with pytest.raises(SourceError, match=r"^/proc/net/sockstat: no line TCP$"):
        parse_tcp_sockstat(text)


@pytest.mark.parametrize("value", ["many", "1.5", "9" * 5000])
def test_no_number(value: str) -> None:
    """A field that is not a number is a SourceError that names it."""
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
    """An endless file is not sockstat: a SourceError, after a bounded read."""
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


def test_count(lab: Lab) -> None:
    """The sockets of both families and those in TIME_WAIT are counted, listening ones too."""
    for remote in ("127.0.0.9", "::1"):
        for pair in [lab.connect(remote) for _ in range(5)]:
            time_wait_here(pair)
        for _ in range(7):
            lab.connect(remote)
    # Two listeners; of each family 7 connections with two ends, and 5 ends in TIME_WAIT.
    assert count_tcp_sockets(Path("/proc")) == 2 + 2 * (7 * 2 + 5)


def test_count_of_a_process(tmp_path: Path) -> None:
    """The sockets are those of a process's namespace; without IPv6 only those of IPv4."""
    procfs = FakeProcfs(tmp_path)
    procfs.write("77/net/sockstat", f"sockets: used 9\n{LINE}\n")
    assert count_tcp_sockets(tmp_path, "77") == 5 + 2
    procfs.write("77/net/sockstat6", "TCP6: inuse 4\nUDP6: inuse 1\n")
    assert count_tcp_sockets(tmp_path, "77") == 5 + 2 + 4


def test_count_of_a_process_that_has_ended(tmp_path: Path) -> None:
    """There is no count for a process that has ended."""
    assert count_tcp_sockets(tmp_path, "77") is None


def test_count_without_sense(tmp_path: Path) -> None:
    """A file that makes no sense is a SourceError."""
    procfs = FakeProcfs(tmp_path)
    procfs.write("77/net/sockstat", "UDP: inuse 1\n")
    with pytest.raises(SourceError, match=r"no line TCP$"):
        count_tcp_sockets(tmp_path, "77")
    procfs.write("77/net/sockstat", LINE)
    procfs.write("77/net/sockstat6", "TCP6: inuse -\n")
    with pytest.raises(SourceError, match="TCP6 inuse: expected a number"):
        count_tcp_sockets(tmp_path, "77")
