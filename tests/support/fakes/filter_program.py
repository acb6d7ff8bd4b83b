"""The filter of a dump as the kernel checks it and runs it over a socket, in a few lines of Python.

After net/ipv4/inet_diag.c: inet_diag_bc_audit with valid_hostcond and valid_cc, inet_diag_bc_run.
Of the operations it knows only a jump and a condition on the remote end.
"""

import struct
from socket import AF_INET, AF_INET6, AF_UNSPEC

# INET_DIAG_REQ_BYTECODE, INET_DIAG_BC_JMP, INET_DIAG_BC_D_COND in include/uapi/linux/inet_diag.h
REQ_BYTECODE, JMP, D_COND = 1, 1, 8
OPERATION = struct.Struct("@BBH")  # struct inet_diag_bc_op: code, yes, no
HOST_CONDITION = struct.Struct("@BBi")  # struct inet_diag_hostcond without its address
ADDRESS_BYTES = {AF_UNSPEC: 0, AF_INET: 4, AF_INET6: 16}
V4_MAPPED = bytes(10) + b"\xff\xff"
ANY_PORT = -1


def program_of(attribute: bytes) -> bytes:
    """Return what the attribute of a request holds."""
    assert struct.unpack_from("=HH", attribute) == (len(attribute), REQ_BYTECODE)
    return attribute[4:]


def audit(program: bytes) -> None:
    """Assert what the kernel demands of a program before running it."""
    at = 0
    places = _chain(program)
    while at < len(program):
        left = len(program) - at
        code, yes, no = OPERATION.unpack_from(program, at)
        assert code in {JMP, D_COND}
        least = _audit_host(program, at) if code == D_COND else OPERATION.size
        for step in (yes, no):
            assert least <= step <= left + 4
            assert step % 4 == 0
        assert no >= left or at + no in places
        at += yes
    assert at == len(program)


def _audit_host(program: bytes, at: int) -> int:
    """Return how many bytes a condition has."""
    least = OPERATION.size + HOST_CONDITION.size
    assert len(program) - at >= least
    family, prefix, _port = HOST_CONDITION.unpack_from(program, at + OPERATION.size)
    assert prefix <= 8 * ADDRESS_BYTES[family]
    assert len(program) - at >= least + ADDRESS_BYTES[family]
    return least + ADDRESS_BYTES[family]


def _chain(program: bytes) -> set[int]:
    """Return where the operations begin: no jump may lead anywhere else."""
    at, places = 0, {0}
    while at < len(program):
        yes: int = OPERATION.unpack_from(program, at)[1]
        assert yes >= OPERATION.size
        at += yes
        places.add(at)
    return places


def accepts(program: bytes, family: int, remote: bytes, port: int) -> bool:
    """Return whether the kernel would send a socket of a family with this remote end."""
    at = 0
    while at < len(program):
        code, yes, no = OPERATION.unpack_from(program, at)
        holds = code == D_COND and _holds(program[at + OPERATION.size :], family, remote, port)
        at += yes if holds else no
    return at == len(program)


def _holds(condition: bytes, family: int, remote: bytes, port: int) -> bool:
    wanted, prefix, wanted_port = HOST_CONDITION.unpack_from(condition)
    start = HOST_CONDITION.size
    address = condition[start : start + ADDRESS_BYTES[wanted]]
    if wanted_port not in {ANY_PORT, port}:
        return False
    if wanted in {AF_UNSPEC, family}:
        return _same_bits(remote, address, prefix)
    mapped = family == AF_INET6 and wanted == AF_INET and remote.startswith(V4_MAPPED)
    return mapped and _same_bits(remote[len(V4_MAPPED) :], address, prefix)


def _same_bits(one: bytes, other: bytes, bits: int) -> bool:
    return (
        bits == 0 or (int.from_bytes(one) ^ int.from_bytes(other)) >> (8 * len(other) - bits) == 0
    )
