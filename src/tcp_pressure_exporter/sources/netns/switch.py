"""Moves the calling thread to another network namespace and back: setns(2).

Python has os.setns only since 3.12.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError

OPERATION = "network namespaces"
CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h


class AwayError(Exception):
    """The thread could not come back: whatever it reads may be from another network namespace."""


class NamespaceSwitch:
    """Takes a thread from its own network namespace to others, and back.

    Its own is the namespace of the thread that creates the switch. Needs CAP_SYS_ADMIN.
    """

    def __init__(self, procfs: Path) -> None:
        """Open the thread's own namespace; raises SourceError."""
        self._here = procfs / "thread-self" / "ns" / "net"
        self._home = self._open_here()
        self._setns = ctypes.CDLL(None, use_errno=True).setns

    @contextmanager
    def entered(self, descriptor: int) -> Iterator[None]:
        """Stay in the namespace of a descriptor during the block; raises SourceError, AwayError."""
        self._enter(descriptor)
        try:
            yield
        finally:
            self.go_home()

    def reopened(self, descriptor: int) -> int:
        """Return another descriptor of the same namespace; raises SourceError, AwayError.

        A descriptor opened by a name in /run/netns keeps that mount busy: umount(8) would fail.
        """
        with self.entered(descriptor):
            return self._open_here()

    def go_home(self) -> None:
        """Go back to the thread's own namespace, or stay there; raises AwayError."""
        try:
            self._enter(self._home)
        except SourceError as error:
            raise AwayError(str(error)) from error

    def check(self) -> None:
        """Raise SourceError if the kernel does not let this process switch."""
        self._enter(self._home)

    def close(self) -> None:
        """Close the descriptor of the thread's own namespace."""
        os.close(self._home)

    def _open_here(self) -> int:
        try:
            return os.open(self._here, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise SourceError(OPERATION, error.strerror or str(error)) from error

    def _enter(self, descriptor: int) -> None:
        if self._setns(descriptor, CLONE_NEWNET) != 0:
            raise SourceError(OPERATION, f"setns(): {os.strerror(ctypes.get_errno())}")
