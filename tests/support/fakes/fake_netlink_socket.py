"""The kernel's edge of a netlink socket: answers each request from a script."""

import errno
import socket
import struct
from collections.abc import Callable, Iterable
from ipaddress import ip_address
from typing import NamedTuple, cast

from tests.support.fakes.filter_program import accepts, audit, program_of
from tests.support.messages.datagrams import BOUND_INACTIVE, CLOSE, Entry, dump_of

ATTRIBUTE_AT = 16 + 60  # in a request: behind struct nlmsghdr and struct inet_diag_req


class Request(NamedTuple):
    """What a request asks for: a bit mask of socket states, 0 if it asks for anything else."""

    states: int
    sequence: int


class FromPort(NamedTuple):
    """A datagram from a netlink port other than the kernel's."""

    datagram: bytes
    port_id: int


class Cut(NamedTuple):
    """A datagram larger than any buffer: its size, as MSG_TRUNC gives it."""

    size: int


Reply = bytes | FromPort | Cut | OSError
Answer = Callable[[Request], Iterable[Reply]]


class FakeNetlinkSocket:
    """Stands for socket.socket; once the script ends, the kernel stays silent."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._replies = iter(cast("Iterable[Reply]", ()))
        self.sent: list[bytes] = []
        self.requests: list[Request] = []
        self.timeout: float | None = None
        self.closed = False

    def as_socket(self) -> socket.socket:
        """Return this object as what it stands for."""
        return cast("socket.socket", self)

    def settimeout(self, seconds: float) -> None:
        self.timeout = seconds

    def send(self, data: bytes) -> int:
        self._refuse_if_closed()
        self.sent.append(data)
        (sequence,) = struct.unpack_from("=I", data, 8)
        states = struct.unpack_from("=I", data, 68)[0] if len(data) > 68 else 0
        self.requests.append(Request(states, sequence))
        self._replies = iter(self._answer(self.requests[-1]))
        return len(data)

    def recvfrom_into(
        self, buffer: bytearray, size: int, flags: int
    ) -> tuple[int, tuple[int, int]]:
        self._refuse_if_closed()
        assert size == 0, "0 means the whole buffer"
        assert flags == socket.MSG_TRUNC, "else the size of a cut datagram is unknown"
        reply = next(self._replies, TimeoutError("timed out"))
        match reply:
            case OSError():
                raise reply
            case Cut():
                return reply.size, (0, 0)
            case FromPort():
                datagram, port_id = reply
            case _:
                datagram, port_id = reply, 0
        buffer[: len(datagram)] = datagram
        return len(datagram), (port_id, 0)

    def close(self) -> None:
        self.closed = True

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise OSError(errno.EBADF, "Bad file descriptor")


class FakeKernel:
    """Answers as the kernel does from a list of sockets, and keeps every socket it opened.

    `bound_only` are sockets that are bound but neither listen nor are connected.
    """

    def __init__(self, entries: Iterable[Entry] = (), bound_only: Iterable[Entry] = ()) -> None:
        self.entries = list(entries)
        self.bound_only = list(bound_only)
        self.fail: Callable[[Request], Reply | None] = lambda _request: None
        self.opened: list[FakeNetlinkSocket] = []

    def open(self) -> socket.socket:
        self.opened.append(FakeNetlinkSocket(self.answer))
        return self.opened[-1].as_socket()

    def answer(self, request: Request) -> Iterable[Reply]:
        failure = self.fail(request)
        if failure is not None:
            return [failure]
        found = [entry for entry in self.entries if request.states >> entry.state & 1]
        if request.states >> BOUND_INACTIVE & 1:
            assert all(entry.state == CLOSE for entry in self.bound_only)
            found += self.bound_only
        if attribute := self.sent[-1][ATTRIBUTE_AT:]:
            found = _filtered(found, program_of(attribute))
        return dump_of(found, request.sequence)

    @property
    def requests(self) -> list[Request]:
        """All requests on all sockets, in order."""
        return [request for sock in self.opened for request in sock.requests]

    @property
    def sent(self) -> list[bytes]:
        """The same, byte for byte."""
        return [data for sock in self.opened for data in sock.sent]


def _filtered(found: Iterable[Entry], program: bytes) -> list[Entry]:
    audit(program)
    return [
        entry
        for entry in found
        if accepts(program, entry.family, ip_address(entry.remote).packed, entry.remote_port)
    ]
