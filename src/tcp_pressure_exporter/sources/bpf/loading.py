"""BPF objects in the kernel: loading, reading and releasing them."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

from tcp_pressure_exporter.facts.outcome import SourceError, errno_reason
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.procfs.capabilities import (
    effective_capabilities,
    has_system_call_filter,
    is_in_user_namespace,
    may_load_programs,
)

NO_RIGHT = "needs CAP_BPF and CAP_PERFMON"
NOT_THE_HOSTS = f"{NO_RIGHT} of the host, not of a user namespace"
LOCKED_DOWN = "the kernel is locked down and lets no program read its memory"
FILTERED = "the system call filter (seccomp) may deny bpf()"
NOT_BUILT = "the exporter was installed without its compiled BPF part"

LOCKDOWN = Path("/sys/kernel/security/lockdown")  # kernel_lockdown(7)


class Calls(Protocol):
    """The calls to bpf(2), as _bpf.c makes them; each raises OSError."""

    def load(self, name: str, /) -> dict[str, int]:
        """Load the named object; return the descriptors of its maps and programs by name."""

    def attach(self, program: int, /) -> int:
        """Attach a program to the hook it was written for, while the descriptor is open."""

    def run(self, program: int, arguments: bytes = b"", /) -> int:
        """Run a program once, in this thread, with its arguments, and return its result."""

    def look_up(self, table: int, key: bytes, size: int, /) -> bytes:
        """Return the value of a key; size: that of the value, in bytes."""

    def entries(
        self, table: int, key_size: int, value_size: int, most: int, /
    ) -> list[tuple[bytes, bytes]]:
        """Return (key, value) of each entry of a hash, which holds at most so many."""

    def update(self, table: int, key: bytes, value: bytes, /) -> None:
        """Set the value of a key."""

    def delete_entries(self, table: int, keys: bytes, key_size: int, /) -> None:
        """Delete the entries of some keys, given one after another."""


class BpfObject:
    """The maps and programs of one object; every method raises SourceError."""

    def __init__(self, name: str, calls: Calls, close: Callable[[int], None] = os.close) -> None:
        self._operation = f"BPF object {name}"
        self._calls = calls
        self._close = close
        with self.failures():
            self._descriptors = calls.load(name)

    def attach(self, program: str) -> None:
        """Attach a program."""
        with self.failures():
            self._descriptors[f"{program} attached"] = self._calls.attach(self._at(program))

    def run(self, program: str, arguments: bytes = b"") -> int:
        """Run a program once, in this thread, and return its result; arguments: 64 bits each."""
        with self.failures():
            return self._calls.run(self._at(program), arguments)

    def look_up(self, table: str, key: bytes, size: int) -> bytes:
        """Return the value of a map's key; size: that of the value, in bytes."""
        with self.failures():
            return self._calls.look_up(self._at(table), key, size)

    def entries(
        self, table: str, key_size: int, value_size: int, most: int
    ) -> list[tuple[bytes, bytes]]:
        """Return (key, value) of each entry of a hash, which holds at most so many."""
        with self.failures():
            return self._calls.entries(self._at(table), key_size, value_size, most)

    def update(self, table: str, key: bytes, value: bytes) -> None:
        """Set the value of a map's key."""
        with self.failures():
            self._calls.update(self._at(table), key, value)

    def delete(self, table: str, keys: Sequence[bytes]) -> None:
        """Delete the entries of some keys, all of one size."""
        if keys:
            with self.failures():
                self._calls.delete_entries(self._at(table), b"".join(keys), len(keys[0]))

    def close(self) -> None:
        """Close every descriptor, so that the kernel frees the object: nothing else holds it."""
        while self._descriptors:
            self._close(self._descriptors.popitem()[1])

    def descriptor(self, name: str) -> int:
        """Return the descriptor of a map or a program, for C code that calls the kernel itself."""
        return self._at(name)

    def _at(self, name: str) -> int:
        if name not in self._descriptors:  # closed
            raise SourceError(self._operation, f"has no {name}")
        return self._descriptors[name]

    @contextmanager
    def failures(self) -> Iterator[None]:
        """Turn an OSError into a SourceError."""
        try:
            yield
        except OSError as error:
            reason = errno_reason(-(error.errno or 0))
            raise SourceError(self._operation, reason) from error


def load(
    name: str,
    procfs: Path = Path("/proc"),
    lockdown: Path = LOCKDOWN,
    make: Callable[[str], BpfObject] | None = None,
) -> BpfObject:
    """Load an object; raises SourceError if the kernel or the privileges do not allow it."""
    try:
        return (make or _make)(name)
    except SourceError as error:
        cause = None if error.reason == NOT_BUILT else why_refused(error.reason, procfs, lockdown)
        if cause is None:
            raise
        raise SourceError(error.operation, f"{cause} ({error.reason})") from error


LoadObject = Callable[[str], BpfObject]
Used = TypeVar("Used")


def opened(name: str, use: Callable[[BpfObject], Used], load_object: LoadObject) -> Used | Missing:
    """Load an object and return what `use` makes of it, or why either is not possible here.

    use: raises SourceError; the object is then released.
    """
    try:
        loaded = load_object(name)
    except SourceError as error:
        return Missing(str(error))
    try:
        return use(loaded)
    except SourceError as error:
        loaded.close()
        return Missing(str(error))


def _make(name: str) -> BpfObject:
    try:
        from tcp_pressure_exporter.sources.bpf import _bpf  # noqa: PLC0415 - may be absent
    except ImportError as error:
        raise SourceError(f"BPF object {name}", NOT_BUILT) from error
    return BpfObject(name, _bpf)


def why_refused(reason: str, procfs: Path, lockdown: Path) -> str | None:
    """Return the likely cause of a refusal; None if only the kernel's own reason is known.

    reason: the kernel's. Without CAP_BPF it is EPERM; with only CAP_BPF, the verifier's EINVAL. A
    helper that lockdown denies gives EINVAL, too. Container filters answer EPERM. Raises
    SourceError.
    """
    if not may_load_programs(effective_capabilities(procfs)):
        return NO_RIGHT
    if is_in_user_namespace(procfs):
        return NOT_THE_HOSTS
    if "[confidentiality]" in _text(lockdown):
        return LOCKED_DOWN
    filtered = reason.startswith("EPERM") and has_system_call_filter(procfs)
    return FILTERED if filtered else None


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # a kernel without the file is not locked down


def give_up_rights() -> str | None:
    """Drop CAP_BPF and CAP_PERFMON for good; return why that failed, None if it did not.

    What is loaded keeps working without them: the kernel requires them to load or attach something,
    and afterwards only a descriptor (kernel/bpf/syscall.c, __sys_bpf, since Linux 5.19).
    Capabilities belong to a thread and are inherited, so call this before there are other threads.
    """
    try:
        from tcp_pressure_exporter.sources.bpf import _bpf  # noqa: PLC0415 - may be absent
    except ImportError:
        return None  # nothing was loaded
    try:
        _bpf.give_up_rights()
    except OSError as error:
        return f"capset(): {errno_reason(-(error.errno or 0))}"
    return None
