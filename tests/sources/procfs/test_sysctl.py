from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.files import (
    parse_int,
    read_sysctl,
    read_sysctl_int,
    read_sysctls,
)
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs
from tests.support.labs.lab import Lab
from tests.support.labs.network_namespace import set_sysctl

NAME = "net.ipv4.tcp_max_tw_buckets"
FILE = f"{IPV4}/tcp_max_tw_buckets"


def test_text(tmp_path: Path) -> None:
    """The dots of the name are folders below sys; the text comes without its newline."""
    FakeProcfs(tmp_path).write(FILE, "262144\n")
    assert read_sysctl(tmp_path, NAME) == "262144"
    assert read_sysctl_int(tmp_path, NAME) == 262144


def test_absent(tmp_path: Path) -> None:
    """A sysctl that the kernel does not have is None as text, and a SourceError as a number."""
    FakeProcfs(tmp_path).remove(FILE)
    assert read_sysctl(tmp_path, NAME) is None
    with pytest.raises(SourceError, match=f"^{NAME}: absent$"):
        read_sysctl_int(tmp_path, NAME)


def test_no_settings(tmp_path: Path) -> None:
    """If /proc has no /proc/sys, as with subset=pid, no single sysctl is blamed."""
    with pytest.raises(SourceError, match=f"^{tmp_path}/sys: absent: is /proc mounted with subset"):
        read_sysctl_int(tmp_path, NAME)


def test_no_procfs(tmp_path: Path) -> None:
    """Without any /proc every sysctl is absent."""
    assert read_sysctl(tmp_path / "nowhere", NAME) is None


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\n", "can't decode"),
        ("٣\n".encode(), "can't decode"),
    ],
)
def test_not_ascii(tmp_path: Path, content: bytes, reason: str) -> None:
    """Bytes that are not ASCII are a SourceError."""
    FakeProcfs(tmp_path).write(FILE, content)
    with pytest.raises(SourceError, match=reason):
        read_sysctl(tmp_path, NAME)


def test_unreadable(tmp_path: Path) -> None:
    """A sysctl that exists and cannot be read is a SourceError with the system's reason."""
    FakeProcfs(tmp_path).make_unreadable(FILE)
    with pytest.raises(SourceError, match=f"^{NAME}: Is a directory$"):
        read_sysctl(tmp_path, NAME)


def test_file_in_a_folders_place(tmp_path: Path) -> None:
    """A file where a folder should be is a SourceError too."""
    FakeProcfs(tmp_path)
    with pytest.raises(SourceError, match="Not a directory"):
        read_sysctl(tmp_path, f"{NAME}.deeper")


@pytest.mark.parametrize("text", ["", "\n", "12 13", "1.5", "0x10", "many", "9" * 4_000])
def test_no_number(tmp_path: Path, text: str) -> None:
    """Anything but a decimal number is a SourceError, however long; the reason stays short."""
    FakeProcfs(tmp_path).write(FILE, text)
    with pytest.raises(SourceError, match="expected a number, got ") as caught:
        read_sysctl_int(tmp_path, NAME)
    assert len(str(caught.value)) < 120


@given(st.integers(-(2**63), 2**64))
def test_number(value: int) -> None:
    """Every decimal number is read back."""
    assert parse_int("name", str(value)) == value


@given(st.text(max_size=30))
def test_any_text(text: str) -> None:
    """Any text is a number or a SourceError."""
    try:
        parse_int("name", text)
    except SourceError as error:
        assert error.operation == "name"  # noqa: PT017 - a number is as good an outcome


def test_too_long(tmp_path: Path) -> None:
    """A sysctl longer than the caller expects is a SourceError, not a part of it."""
    FakeProcfs(tmp_path).write(FILE, "9" * 4_096)
    with pytest.raises(SourceError, match=f"^{NAME}: 4096 bytes or more$"):
        read_sysctl(tmp_path, NAME)
    assert read_sysctl(tmp_path, NAME, max_bytes=4_097) == "9" * 4_096


def test_several() -> None:
    """Of the real kernel's, all that it has are read as each alone is; the others are left out."""
    names = ("net.ipv4.tcp_tw_reuse", "net.core.somaxconn", "net.none.such", "net.ipv4.none_such")
    read = read_sysctls(Path("/proc"), names)
    assert read == {name: read_sysctl(Path("/proc"), name) for name in names[:2]}


def test_several_of_another_namespace(lab: Lab) -> None:
    """They are those of the namespace that the thread is in."""
    del lab
    set_sysctl("tcp_max_syn_backlog", 77)
    assert read_sysctls(Path("/proc"), ["net.ipv4.tcp_max_syn_backlog"]).popitem()[1] == "77"


def test_several_in_no_folder(tmp_path: Path) -> None:
    """A folder that cannot be opened is not taken for one that is absent."""
    (tmp_path / "sys" / "net").mkdir(parents=True)
    (tmp_path / "sys" / "net" / "ipv4").write_text("")
    with pytest.raises(SourceError, match=r"sys/net/ipv4: Not a directory$"):
        read_sysctls(tmp_path, ["net.ipv4.tcp_tw_reuse"])
