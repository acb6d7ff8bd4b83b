"""Which of root's privileges this process has, and what confines it: capabilities(7)."""

import re
from pathlib import Path

from tcp_pressure_exporter.facts.outcome import SourceError

NAME = "/proc/self/status"

# Bit numbers, include/uapi/linux/capability.h
CAP_DAC_READ_SEARCH = 2
CAP_NET_ADMIN = 12
CAP_SYS_PTRACE = 19
CAP_SYS_ADMIN = 21
CAP_PERFMON = 38
CAP_BPF = 39

ALL_USERS = 2**32 - 1
EFFECTIVE = re.compile(r"CapEff:\t([0-9a-f]{1,16})")  # 64 bits


def effective_capabilities(procfs: Path) -> int:
    """Return the effective capabilities of the process as a bit mask; raises SourceError."""
    try:
        text = (procfs / "self" / "status").read_bytes().decode("utf-8", "replace")
    except OSError as error:
        raise SourceError(NAME, error.strerror or str(error)) from error
    return parse_effective_capabilities(text)


def parse_effective_capabilities(status: str) -> int:
    """Parse the line CapEff of proc_pid_status(5), hexadecimal; raises SourceError."""
    for line in status.split("\n"):
        if line.startswith("CapEff:"):
            match = EFFECTIVE.fullmatch(line)
            if match is None:
                raise SourceError(f"{NAME} CapEff", f"expected 64 bits in hex, got {line[7:47]!r}")
            return int(match[1], 16)
    raise SourceError(NAME, "no line CapEff")


def is_in_user_namespace(procfs: Path) -> bool:
    """Tell whether the capabilities belong to a user namespace other than the host's.

    The host's maps every user to itself (user_namespaces(7)). False if that cannot be read.
    """
    return _text(procfs / "self" / "uid_map").split() not in ([], ["0", "0", str(ALL_USERS)])


def has_system_call_filter(procfs: Path) -> bool:
    """Tell whether the process is under SECCOMP_MODE_FILTER (proc_pid_status(5), Seccomp)."""
    return "\nSeccomp:\t2\n" in _text(procfs / "self" / "status")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except OSError:
        return ""


def may_name_processes(capabilities: int) -> bool:
    """Tell whether the descriptors of every process can be read.

    CAP_DAC_READ_SEARCH opens /proc/PID/fd, CAP_SYS_PTRACE reads the links in it (proc_pid_fd(5)).
    """
    needed = 1 << CAP_SYS_PTRACE | 1 << CAP_DAC_READ_SEARCH
    return capabilities & needed == needed


def may_ask_conntrack(capabilities: int) -> bool:
    """Tell whether ctnetlink answers (net/netfilter/nfnetlink.c, nfnetlink_rcv)."""
    return bool(capabilities & 1 << CAP_NET_ADMIN)


def may_load_programs(capabilities: int) -> bool:
    """Tell whether BPF programs that read the kernel's memory may be loaded (capabilities(7))."""
    needed = 1 << CAP_BPF | 1 << CAP_PERFMON
    return capabilities & needed == needed or bool(capabilities & 1 << CAP_SYS_ADMIN)


def may_see_namespaces(capabilities: int) -> bool:
    """Tell whether every process's /proc/PID/ns/net can be read (namespaces(7))."""
    return bool(capabilities & 1 << CAP_SYS_PTRACE)


def missing_for_namespaces(capabilities: int) -> list[str]:
    """Return the capabilities that are missing for sampling other network namespaces.

    CAP_SYS_ADMIN enters them (setns(2)), CAP_SYS_PTRACE reads /proc/PID/ns/net (namespaces(7)).
    """
    needed = {"CAP_SYS_ADMIN": CAP_SYS_ADMIN, "CAP_SYS_PTRACE": CAP_SYS_PTRACE}
    return [name for name, number in needed.items() if not capabilities & 1 << number]
