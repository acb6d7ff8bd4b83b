import subprocess
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.files import read_proc_file

DEVICES = "/proc/thread-self/net/dev"
PAIRS = "".join(f"link add a{i} type veth peer name b{i}\n" for i in range(40))


def read(path: Path | str, max_bytes: int = 65_536, *, in_records: bool = False) -> str | None:
    return read_proc_file("name", str(path), max_bytes, in_records=in_records)


@pytest.fixture(params=[False, True], ids=["at once", "in records"])
def in_records(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


def test_text(tmp_path: Path, *, in_records: bool) -> None:
    """A file is read as it is."""
    (tmp_path / "file").write_text("a b\nc\n")
    assert read(tmp_path / "file", in_records=in_records) == "a b\nc\n"


def test_absent(tmp_path: Path, *, in_records: bool) -> None:
    """If there is no file, there is no text."""
    assert read(tmp_path / "none", in_records=in_records) is None


def test_unreadable(tmp_path: Path, *, in_records: bool) -> None:
    """A file that exists but cannot be read is a SourceError with the system's reason."""
    with pytest.raises(SourceError, match=r"^name: Is a directory$"):
        read(tmp_path, in_records=in_records)


def test_not_ascii(tmp_path: Path, *, in_records: bool) -> None:
    """Bytes that are not ASCII are a SourceError."""
    (tmp_path / "file").write_bytes(b"\xff")
    with pytest.raises(SourceError, match=r"^name: .*can't decode"):
        read(tmp_path / "file", in_records=in_records)


def test_too_long(tmp_path: Path, *, in_records: bool) -> None:
    """A file of as many bytes as allowed, or more, is a SourceError, not a part of it."""
    path = tmp_path / "file"
    path.write_text("x" * 99)
    assert read(path, 100, in_records=in_records) == "x" * 99
    for size in (100, 200_000):
        path.write_text("x" * size)
        with pytest.raises(SourceError, match=r"^name: 100 bytes or more$"):
            read(path, 100, in_records=in_records)


def test_more_than_a_page(netns: None) -> None:  # noqa: ARG001 - devices of the test's own
    """The kernel gives a page of a file of records at a time; the rest of it is read too."""
    subprocess.run(["ip", "-batch", "-"], input=PAIRS, text=True, check=True)
    part, whole = read(DEVICES), read(DEVICES, in_records=True)
    assert part is not None
    assert whole is not None
    assert len(part) <= 4096 < len(whole)
    assert whole.startswith(part)
    assert whole == Path(DEVICES).read_text()
