"""Programs that a seccomp filter refuses system calls, as in a sandbox: netlink, or others."""

import re
import subprocess
import sys
from collections.abc import Iterable, Sequence

NUMBER = re.compile(r"^#define __NR_(\w+) (\d+)$", re.MULTILINE)

# Built by hand from include/uapi/linux/filter.h, seccomp.h and audit.h; x86-64 and arm64. `steps`
# look at the number of the system call, and may look at its arguments.
_LAUNCHER = """
import ctypes, errno, os, platform, struct, sys
LOAD, EQUAL, RETURN = 0x20, 0x15, 0x06  # BPF_LD|W|ABS, BPF_JMP|JEQ|K, BPF_RET|K
NUMBERS = {
    "x86_64": {"socket": 41, "capset": 126, "bpf": 321},
    "aarch64": {"socket": 198, "capset": 91, "bpf": 280},
}[platform.machine()]
AF_NETLINK, ALLOW, ERRNO = 16, 0x7FFF0000, 0x00050000
steps = [%s]
code = ctypes.create_string_buffer(b"".join(struct.pack("=HBBI", *step) for step in steps))
program = ctypes.create_string_buffer(struct.pack("@HP", len(steps), ctypes.addressof(code)))
prctl = ctypes.CDLL(None, use_errno=True).prctl
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2
for call in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, program)):
    if prctl(*call) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
os.execv(sys.argv[1], sys.argv[1:])
"""
_NETLINK = """
    (LOAD, 0, 0, 0), (EQUAL, 0, 3, NUMBERS["socket"]),
    (LOAD, 0, 0, 16), (EQUAL, 0, 1, AF_NETLINK),
    (RETURN, 0, 0, ERRNO | errno.EAFNOSUPPORT), (RETURN, 0, 0, ALLOW),
"""
_CALL = """
    (LOAD, 0, 0, 0), (EQUAL, 0, 1, NUMBERS["{name}"]),
    (RETURN, 0, 0, ERRNO | errno.EPERM), (RETURN, 0, 0, ALLOW),
"""


def without_netlink(command: Sequence[str]) -> list[str]:
    """Return the command that runs a command without netlink."""
    return [sys.executable, "-c", _LAUNCHER % _NETLINK, *command]


def without_call(name: str, command: Sequence[str]) -> list[str]:
    """Return the command that runs a command with one system call failing with EPERM."""
    return [sys.executable, "-c", _LAUNCHER % _CALL.format(name=name), *command]


def with_calls_alone(names: Iterable[str], command: Sequence[str]) -> list[str]:
    """Return the command that runs a command with all but these system calls failing with EPERM.

    Names unknown to this machine's kernel headers belong to other machines.
    """
    known = dict(NUMBER.findall(_preprocessed("#include <sys/syscall.h>")))
    numbers = [known[name] for name in names if name in known]
    allow = "(RETURN, 0, 0, ALLOW)"
    steps = [f"(EQUAL, 0, 1, {number}), {allow}" for number in numbers]
    refuse = "(RETURN, 0, 0, ERRNO | errno.EPERM)"
    program = ", ".join(["(LOAD, 0, 0, 0)", *steps, refuse])
    return [sys.executable, "-c", _LAUNCHER % program, *command]


def _preprocessed(code: str) -> str:
    """Return the values of C macros as numbers."""
    command = ["cc", "-E", "-dM", "-x", "c", "-"]
    done = subprocess.run(command, input=code, capture_output=True, text=True, check=True)
    return done.stdout
