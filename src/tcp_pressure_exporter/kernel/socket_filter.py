"""A filter that the kernel runs over the sockets of a dump, so that only a few are sent.

Strategy: one condition for each remote end. A condition that holds goes on to a jump to the end of
the program, which accepts; one that does not goes on to the next condition, the last one beyond
the end, which refuses.

Source: include/uapi/linux/inet_diag.h (struct inet_diag_bc_op, inet_diag_hostcond) and
net/ipv4/inet_diag.c (inet_diag_bc_run, inet_diag_bc_audit).
"""

import struct
from collections.abc import Sequence
from socket import AF_INET, AF_INET6

from tcp_pressure_exporter.facts.addresses import V4_MAPPED, is_v4
from tcp_pressure_exporter.facts.sockets import RemoteEnd
from tcp_pressure_exporter.kernel.inet_diag import ATTRIBUTE

INET_DIAG_REQ_BYTECODE = 1
BC_JMP = 1
BC_D_COND = 8  # about the remote end
OPERATION = struct.Struct("=BBH")  # code; how far to go on if it holds, and if it does not
HOST_CONDITION = struct.Struct("=BBxxi")  # family, prefix length, port; the address follows
AF_ANY = 0
MAX_REMOTES = 64


def filter_attribute(remotes: Sequence[RemoteEnd]) -> bytes:
    """Return the attribute of a request that leaves only sockets towards one of 1 to 64 ends."""
    if not 1 <= len(remotes) <= MAX_REMOTES:
        raise ValueError(f"{len(remotes)} remote ends")
    program = b""
    for remote in reversed(remotes):
        program = _condition(remote, len(program)) + program
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(program), INET_DIAG_REQ_BYTECODE) + program


def _condition(remote: RemoteEnd, rest: int) -> bytes:
    """Return a condition and its jump over the `rest` bytes of the program behind it."""
    host = _host(remote)
    length = OPERATION.size + len(host)
    beyond = 0 if rest else OPERATION.size  # behind the last condition is the end, not refusal
    test = OPERATION.pack(BC_D_COND, length, length + OPERATION.size + beyond)
    jump = OPERATION.pack(BC_JMP, OPERATION.size, OPERATION.size + rest)
    return test + host + jump


def _host(remote: RemoteEnd) -> bytes:
    if remote.address is None:
        family, address = AF_ANY, b""
    elif is_v4(remote.address):
        # The kernel lets this hold for a v4-mapped IPv6 socket too.
        family, address = AF_INET, remote.address[len(V4_MAPPED) :]
    else:
        family, address = AF_INET6, remote.address
    port = int.from_bytes(remote.port)
    return HOST_CONDITION.pack(family, 8 * len(address), port) + address
