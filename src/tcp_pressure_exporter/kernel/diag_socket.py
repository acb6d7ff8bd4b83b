"""The netlink socket to NETLINK_SOCK_DIAG: sends a request, hands out the datagrams."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from tcp_pressure_exporter.kernel.coarse_clock import coarse_ms
from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.inet_diag import encode_request

NETLINK_SOCK_DIAG = 4  # include/uapi/linux/netlink.h
DATAGRAM_BYTES = 32_768  # the kernel grows its datagrams up to this (net/netlink/af_netlink.c)
ANSWER_SECONDS = 5.0  # a kernel silent for so long will not answer
DUMP_SECONDS = 60.0  # older parts of a longer dump would describe another minute

Answer = TypeVar("Answer")


def open_diag_socket() -> socket.socket:
    """Open a socket that asks the network namespace of the calling thread."""
    return socket.socket(
        socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_SOCK_DIAG
    )


class Datagram(NamedTuple):
    """A part of a dump; filled_ms: when the kernel filled it, on the clock of coarse_clock.py."""

    filled_ms: int
    content: bytes


class Dump:
    """The kernel's answer to one request, still to be received.

    It ends at NLMSG_DONE, which its reader recognises by not asking for more.
    started_ms: when it was asked for, on the clock of coarse_clock.py.
    """

    def __init__(
        self, connection: socket.socket, sequence: int, clock: Callable[[], float], started_ms: int
    ) -> None:
        self._connection = connection
        self._clock = clock
        self.sequence = sequence
        self.started_ms = started_ms

    def fileno(self) -> int:
        """Return the descriptor of the socket, for a reader that receives by itself."""
        return self._connection.fileno()

    def contents(self) -> Iterator[bytes]:
        """Yield the datagrams without their times; raises as `datagrams` does."""
        return (datagram.content for datagram in self.datagrams())

    def datagrams(self) -> Iterator[Datagram]:
        """Yield the datagrams; raises SourceError or OSError (a silent kernel: TimeoutError).

        The kernel fills one while the one before is received (net/netlink/af_netlink.c,
        netlink_recvmsg), the first one when it is asked. The time is taken before that call:
        after it, another thread may have the interpreter for some ticks.
        """
        end = self._clock() + DUMP_SECONDS
        buffer = bytearray(DATAGRAM_BYTES)
        filled_ms = self.started_ms
        while self._clock() < end:
            next_filled_ms = coarse_ms()
            size, (port_id, _groups) = self._connection.recvfrom_into(buffer, 0, socket.MSG_TRUNC)
            if size > len(buffer):
                raise SourceError("sock_diag dump", f"a datagram of {size} bytes was cut")
            if port_id == 0:  # only the kernel answers from port 0
                yield Datagram(filled_ms, bytes(memoryview(buffer)[:size]))
            filled_ms = next_filled_ms
        raise SourceError("sock_diag dump", f"not finished after {DUMP_SECONDS:.0f} s")


class DiagSocket:
    """Dumps TCP sockets; one dump at a time, each under a sequence number of its own."""

    def __init__(
        self,
        open_socket: Callable[[], socket.socket] = open_diag_socket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._open_socket = open_socket
        self._clock = clock
        self._socket: socket.socket | None = None
        self._sequence = 0

    def ask(
        self,
        states: int,
        read: Callable[[Dump], Answer],
        extensions: int = 0,
        attribute: bytes = b"",
    ) -> Answer:
        """Ask for sockets as `encode_request` does, and read the kernel's answer.

        After any failure the socket may still hold the rest of the answer, so the next dump
        starts on a fresh one. Raises SourceError on a socket error, when the kernel stays silent,
        and what `read` raises.
        """
        self._sequence += 1
        try:
            connection = self._connect()
            dump = Dump(connection, self._sequence, self._clock, coarse_ms())
            connection.send(encode_request(states, self._sequence, extensions, attribute))
            return read(dump)
        except OSError as error:
            self.close()
            raise SourceError("sock_diag dump", error.strerror or str(error)) from error
        except BaseException:
            self.close()
            raise

    def _connect(self) -> socket.socket:
        if self._socket is None:
            self._socket = self._open_socket()
            self._socket.settimeout(ANSWER_SECONDS)
        return self._socket

    def close(self) -> None:
        """Close the socket; the next dump opens another."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
