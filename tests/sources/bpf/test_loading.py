"""BPF objects against a scripted kernel, and the real one."""

import errno
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.bind_hash import OBJECT, PROGRAM, BindHash, open_bind_hash
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, load


class FakeCalls:
    """A kernel that answers as scripted: an errno, or the result of a program."""

    def __init__(self, failure: int | None = None, result: int = 256) -> None:
        self.failure = failure
        self.result = result
        self.tables: dict[int, bytes] = {}

    def load(self, _name: str, /) -> dict[str, int]:
        self._fail()
        return {"skipped_ports": 10, "walk_bind_hash": 11}

    def attach(self, program: int, /) -> int:
        self._fail()
        return program + 100

    def run(self, _program: int, _arguments: bytes = b"", /) -> int:
        self._fail()
        return self.result

    def look_up(self, table: int, _key: bytes, size: int, /) -> bytes:
        self._fail()
        assert len(self.tables[table]) == size
        return self.tables[table]

    def entries(
        self, _table: int, _key_size: int, _value_size: int, _most: int, /
    ) -> list[tuple[bytes, bytes]]:
        self._fail()
        return []

    def update(self, table: int, _key: bytes, value: bytes, /) -> None:
        self._fail()
        self.tables[table] = value

    def delete_entries(self, _table: int, _keys: bytes, _key_size: int, /) -> None:
        self._fail()

    def _fail(self) -> None:
        if self.failure:
            raise OSError(self.failure, os.strerror(self.failure))


REFUSALS = {
    errno.EPERM: "EPERM: Operation not permitted",
    errno.EACCES: "EACCES: Permission denied",  # the verifier
    errno.EINVAL: "EINVAL: Invalid argument",  # an old kernel, or one without BTF
    errno.E2BIG: "E2BIG: Argument list too long",
    errno.ENOMEM: "ENOMEM: Cannot allocate memory",
    errno.ENOSYS: "ENOSYS: Function not implemented",
}


@pytest.mark.parametrize("failure", REFUSALS)
def test_refused(failure: int) -> None:
    """An object that does not load is missing, for whatever reason the kernel gave."""
    table = open_bind_hash(lambda name: BpfObject(name, FakeCalls(failure)))
    assert table == Missing(f"BPF object bind_hash: {REFUSALS[failure]}")


def test_unreadable() -> None:
    """A table that the program cannot read is missing, not empty, and nothing stays open."""
    closed: list[int] = []
    calls = FakeCalls(result=0)
    table = open_bind_hash(lambda name: BpfObject(name, calls, closed.append))
    assert table == Missing("BPF object bind_hash: this kernel's table has another form")
    assert sorted(closed) == [10, 10, 11, 11]  # of both objects


QUESTIONS: dict[str, Callable[[BpfObject], object]] = {
    "attach": lambda found: found.attach(PROGRAM),
    "run": lambda found: found.run(PROGRAM),
    "look_up": lambda found: found.look_up("skipped_ports", bytes(4), 8192),
    "entries": lambda found: found.entries("skipped_ports", 4, 8, 16),
    "delete": lambda found: found.delete("skipped_ports", [bytes(4)]),
    "update": lambda found: found.update("skipped_ports", bytes(4), b""),
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_failing_later(question: str) -> None:
    """A call that fails on a loaded or closed object raises SourceError."""
    calls = FakeCalls()
    closed: list[int] = []
    found = BpfObject(OBJECT, calls, closed.append)
    calls.failure = errno.ENOMEM
    with pytest.raises(SourceError, match="BPF object bind_hash: ENOMEM"):
        QUESTIONS[question](found)
    found.close()
    assert sorted(closed) == [10, 11]
    with pytest.raises(SourceError, match="BPF object bind_hash: has no"):
        QUESTIONS[question](found)


def test_attachments_are_closed() -> None:
    """Attachments are released with the rest, and closing twice does nothing more."""
    closed: list[int] = []
    found = BpfObject(OBJECT, FakeCalls(), closed.append)
    found.attach(PROGRAM)
    found.close()
    found.close()
    assert sorted(closed) == [10, 11, 111]


@pytest.mark.bpf
def test_nothing_stays() -> None:
    """A closed object leaves no descriptor open, and so nothing in the kernel."""
    before = bpf_descriptors()
    found = load(OBJECT)
    BindHash(found).skipped_ports()
    assert sorted(bpf_descriptors() - before) == ["anon_inode:bpf-map", "anon_inode:bpf-prog"]
    found.close()
    assert bpf_descriptors() == before


def bpf_descriptors() -> Counter[str]:
    """Count this process's BPF descriptors, by kind."""
    names: Counter[str] = Counter()
    for link in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor of the folder itself
            names[str(link.readlink())] += 1
    return Counter({name: count for name, count in names.items() if "bpf" in name})


@pytest.mark.bpf
def test_unknown_object() -> None:
    """A name that no object has is the caller's mistake, not the kernel's."""
    with pytest.raises(LookupError):
        load("nothing")


TRY = """
from tcp_pressure_exporter.sources.bpf.bind_hash import open_bind_hash
table = open_bind_hash()
print(getattr(table, "reason", "is read"))
"""


@pytest.mark.bpf
@pytest.mark.parametrize(
    ("rights", "said"),
    [
        ("-all", "needs CAP_BPF and CAP_PERFMON (EPERM"),
        ("-all,+bpf", "needs CAP_BPF and CAP_PERFMON (E"),
        ("-all,+bpf,+perfmon", "is read"),
    ],
)
def test_rights(rights: str, said: str) -> None:
    """Two capabilities are enough; without both the reason names them."""
    # Root starts a program with what the bounding set allows (capabilities(7)).
    limits = ["--inh-caps=-all", f"--bounding-set={rights}"]
    done = subprocess.run(
        ["setpriv", *limits, sys.executable, "-c", TRY], capture_output=True, text=True, check=True
    )
    assert said in done.stdout
