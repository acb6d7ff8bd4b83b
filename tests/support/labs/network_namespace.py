"""A network namespace for one test: it shares no sockets, settings or counters."""

import ctypes
import os
import subprocess
import time
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


def shorten_reuse_delay() -> float:
    """Let tcp_tw_reuse give ports back at once; return after how many seconds it certainly does.

    A kernel without tcp_tw_reuse_delay (before 6.14) gives them back at the next whole second of
    its clock (net/ipv4/tcp_ipv4.c, tcp_twsk_unique).
    """
    if not has_sysctl("tcp_tw_reuse_delay"):
        return 1.1
    set_sysctl("tcp_tw_reuse_delay", 1)
    return 0.02  # beyond the delay, which the kernel counts in ticks of up to 10 ms


def postpone_reuse() -> float:
    """Stop tcp_tw_reuse giving back what is closed now; return until when (time.monotonic)."""
    if has_sysctl("tcp_tw_reuse_delay"):
        set_sysctl("tcp_tw_reuse_delay", 60_000)
        return time.monotonic() + 60
    begin_a_second()
    return time.monotonic() // 1 + 1


def begin_a_second() -> None:
    """Wait until a second of the kernel's clock has just begun."""
    time.sleep(1 - time.monotonic() % 1 + 0.05)


def has_sysctl(name: str) -> bool:
    """Return whether this kernel has net.ipv4.NAME."""
    return (SYSCTLS / name).exists()


def add_address(address: str) -> None:
    """Give `lo` another address."""
    subprocess.run(["ip", "address", "add", address, "dev", "lo"], check=True)


def _check(result: int, operation: str) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{operation}: {os.strerror(number)}")
