"""A network namespace of a test's own: its sockets, settings and counters are nobody else's."""

import ctypes
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNET = 0x40000000  # include/uapi/linux/sched.h
SYSCTLS = Path("/proc/sys/net/ipv4")


@contextmanager
def network_namespace() -> Iterator[None]:
    """Move the calling thread into a new namespace with `lo` up, and back at the end."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY)
    try:
        _check(libc.unshare(CLONE_NEWNET), "unshare (the tests of the real kernel need root)")
        try:
            subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
            yield
        finally:
            _check(libc.setns(home, CLONE_NEWNET), "setns")
    finally:
        os.close(home)


def set_sysctl(name: str, value: object) -> None:
    """Write net.ipv4.NAME of the namespace the thread is in."""
    (SYSCTLS / name).write_text(f"{value}\n")


def add_address(address: str) -> None:
    """Give `lo` one more address."""
    subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)


def _check(result: int, operation: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{operation}: {os.strerror(number)}")
