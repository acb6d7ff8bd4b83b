"""Netlink framing: the datagrams of one dump in, the payloads of its messages out.

Strategy: one generator walks the messages of each datagram, checks every length before it
slices, skips what belongs to another request, and ends at NLMSG_DONE. Anything else that ends a
dump (an error, an interruption, a truncated datagram, no NLMSG_DONE) raises SourceError, so that a
partial answer can never be taken for a whole one.

Source: include/uapi/linux/netlink.h, RFC 3549 section 2.3.2.
"""

import errno
import struct
from collections.abc import Iterable, Iterator

from tcp_pressure_exporter.facts.outcome import SourceError, errno_reason

NLMSG_NOOP = 1
NLMSG_ERROR = 2
NLMSG_DONE = 3
NLMSG_OVERRUN = 4
NLM_F_REQUEST = 0x1
NLM_F_DUMP_INTR = 0x10
NLM_F_DUMP = 0x300  # NLM_F_ROOT | NLM_F_MATCH

HEADER = struct.Struct("=IHHII")  # struct nlmsghdr: length, type, flags, sequence, port id
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr, struct rtattr: length, type
ERROR_CODE = struct.Struct("=i")  # first member of struct nlmsgerr; NLMSG_DONE carries one too


def encode_dump_request(message_type: int, body: bytes, sequence: int) -> bytes:
    """Return the request that starts a dump."""
    return _request(message_type, NLM_F_DUMP, body, sequence)


def encode_single_request(message_type: int, body: bytes, sequence: int) -> bytes:
    """Return the request for one thing, which a single message answers."""
    return _request(message_type, 0, body, sequence)


def _request(message_type: int, flags: int, body: bytes, sequence: int) -> bytes:
    length = HEADER.size + len(body)
    return HEADER.pack(length, message_type, NLM_F_REQUEST | flags, sequence, 0) + body


def ending(sequence: int) -> bytes:
    """Return the message that ends a dump."""
    return HEADER.pack(HEADER.size, NLMSG_DONE, 0, sequence, 0)


def dump_payloads(
    datagrams: Iterable[bytes], message_type: int, sequence: int
) -> Iterator[memoryview]:
    """Yield the payload of every message of the dump, in the kernel's order.

    Raises SourceError if the kernel reports an error (EBUSY: a dump is already running on the
    socket), if the table changed during the dump (NLM_F_DUMP_INTR), or if the bytes are truncated
    or stop before NLMSG_DONE.
    """
    for datagram in datagrams:
        for kind, flags, owner, payload in _messages(memoryview(datagram)):
            if owner != sequence or kind == NLMSG_NOOP:
                continue
            if flags & NLM_F_DUMP_INTR:
                raise SourceError("netlink dump", "interrupted: the table changed meanwhile")
            if kind == message_type:
                yield payload
            elif kind in _ENDINGS:
                _check_ending(kind, payload)
                return
    raise SourceError("netlink dump", "the answer ended before NLMSG_DONE")


def single_payload(
    datagrams: Iterable[bytes], message_type: int, sequence: int
) -> memoryview | None:
    """Return the payload of the message that answers a single request; None: no such thing.

    Raises SourceError if the kernel reports an error other than ENOENT, or if the bytes are
    truncated or stop before the answer.
    """
    for datagram in datagrams:
        for kind, _flags, owner, payload in _messages(memoryview(datagram)):
            if owner != sequence or kind == NLMSG_NOOP:
                continue
            if kind == message_type:
                return payload
            if kind == NLMSG_ERROR and payload[: ERROR_CODE.size] == _NO_ENTRY:
                return None
            if kind in _ENDINGS:
                _check_ending(kind, payload)
                raise SourceError("netlink answer", "it ended without one")
    raise SourceError("netlink answer", "it ended without one")


_NO_ENTRY = ERROR_CODE.pack(-errno.ENOENT)
_ENDINGS = frozenset({NLMSG_DONE, NLMSG_ERROR, NLMSG_OVERRUN})


def _messages(datagram: memoryview) -> Iterator[tuple[int, int, int, memoryview]]:
    """Yield (type, flags, sequence, payload) of the messages in one datagram."""
    offset, end = 0, len(datagram)
    while offset < end:
        if end - offset < HEADER.size:
            raise SourceError("netlink message", f"{end - offset} bytes left, a header has 16")
        length, kind, flags, sequence, _port_id = HEADER.unpack_from(datagram, offset)
        if not HEADER.size <= length <= end - offset:
            raise SourceError("netlink message", f"length {length} with {end - offset} bytes left")
        yield kind, flags, sequence, datagram[offset + HEADER.size : offset + length]
        offset += (length + 3) & ~3  # NLMSG_ALIGN


def _check_ending(kind: int, payload: memoryview) -> None:
    """Raise unless the message ends the dump successfully."""
    if kind == NLMSG_OVERRUN:
        raise SourceError("netlink dump", "NLMSG_OVERRUN: data lost")
    if kind == NLMSG_DONE and len(payload) == 0:
        return
    if len(payload) < ERROR_CODE.size:
        raise SourceError("netlink dump", f"an ending of {len(payload)} bytes carries no code")
    (code,) = ERROR_CODE.unpack_from(payload)
    if code < 0 or kind == NLMSG_ERROR:
        raise SourceError("netlink dump", errno_reason(code))


def attributes(
    rest: memoryview, operation: str, what: str = "length"
) -> Iterator[tuple[int, memoryview]]:
    """Yield (type, value) of the attributes that fill the rest of a payload, or a value.

    Raises SourceError on a length that does not fit; operation, what: its words.
    """
    while len(rest) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(rest)
        if not ATTRIBUTE.size <= length <= len(rest):
            raise SourceError(operation, f"{what} {length}, {len(rest)} bytes left")
        yield kind, rest[ATTRIBUTE.size : length]
        rest = rest[(length + 3) & ~3 :]  # NLMSG_ALIGN, as NLA_ALIGN and RTA_ALIGN
