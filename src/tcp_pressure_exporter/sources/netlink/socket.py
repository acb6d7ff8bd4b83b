"""Netlink sockets, and the clock that ticks with the kernel's own, which sets TIME_WAIT timers."""

import socket
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from tcp_pressure_exporter.facts.outcome import SourceError

CLOCK_MONOTONIC_COARSE = 6  # include/uapi/linux/time.h; Python's time module has no name for it


def coarse_ms() -> int:
    """Return CLOCK_MONOTONIC_COARSE in milliseconds: the time of the kernel's latest tick.

    `expires` in an inet_diag message is a number of ticks (jiffies), so this time minus the age of
    an entry gives the same tick in every dump, whenever it was taken.
    """
    return time.clock_gettime_ns(CLOCK_MONOTONIC_COARSE) // 1_000_000


def kernel_tick() -> float:
    """Return 1/HZ in seconds: the step of the clock of coarse_ms() (kernel/time)."""
    return time.clock_getres(CLOCK_MONOTONIC_COARSE)


DATAGRAM_BYTES = 32_768  # the kernel grows its datagrams up to this (net/netlink/af_netlink.c)
ANSWER_SECONDS = 5.0  # a kernel silent for this long will not answer
DUMP_SECONDS = 60.0  # the first parts of a longer dump would describe another minute

Answer = TypeVar("Answer")


class Datagram(NamedTuple):
    """A part of a dump; filled_ms: when the kernel filled it, on the clock of coarse_ms()."""

    filled_ms: int
    content: bytes


class Dump:
    """The kernel's answer to one request, not yet received.

    It ends at NLMSG_DONE, which its reader recognises and then asks for no more.
    name: what errors call it. started_ms: when it was requested, on the clock of coarse_ms().
    """

    def __init__(
        self,
        name: str,
        connection: socket.socket,
        sequence: int,
        clock: Callable[[], float],
        ticks_ms: Callable[[], int],
    ) -> None:
        self.name = name
        self._connection = connection
        self._clock = clock
        self.sequence = sequence
        self.started_ms = ticks_ms()
        self._ticks_ms = ticks_ms

    def fileno(self) -> int:
        """Return the descriptor of the socket, for a reader that does its own receiving."""
        return self._connection.fileno()

    def contents(self) -> Iterator[bytes]:
        """Yield the datagrams without their times; raises as `datagrams` does."""
        return (datagram.content for datagram in self.datagrams())

    def datagrams(self) -> Iterator[Datagram]:
        """Yield the datagrams; raises SourceError or OSError (a silent kernel: TimeoutError).

        The kernel fills a datagram while the previous one is received (net/netlink/af_netlink.c,
        netlink_recvmsg), and the first one when it is asked. The time is taken before that call:
        after it, another thread may hold the interpreter for several ticks.
        """
        end = self._clock() + DUMP_SECONDS
        buffer = bytearray(DATAGRAM_BYTES)
        filled_ms = self.started_ms
        while self._clock() < end:
            next_filled_ms = self._ticks_ms()
            size, (port_id, _groups) = self._connection.recvfrom_into(buffer, 0, socket.MSG_TRUNC)
            if size > len(buffer):
                raise SourceError(self.name, f"a datagram of {size} bytes was cut")
            if port_id == 0:  # only the kernel answers from port 0
                yield Datagram(filled_ms, bytes(memoryview(buffer)[:size]))
            filled_ms = next_filled_ms
        raise SourceError(self.name, f"not finished after {DUMP_SECONDS:.0f} s")


class NetlinkSocket:
    """Makes dumps one at a time, each with a new sequence number. `name`: what errors call it."""

    def __init__(
        self,
        name: str,
        open_socket: Callable[[], socket.socket],
        clock: Callable[[], float],
        ticks_ms: Callable[[], int] = coarse_ms,
    ) -> None:
        self._ticks_ms = ticks_ms
        self._name = name
        self._open_socket = open_socket
        self._clock = clock
        self._socket: socket.socket | None = None
        self._sequence = 0

    def dump(self, encode: Callable[[int], bytes], read: Callable[[Dump], Answer]) -> Answer:
        """Send the request that `encode` makes for a sequence number, and read the answer.

        After any failure the socket may still hold the rest of the answer, so the next dump uses a
        fresh one. Raises SourceError on a socket error or if the kernel stays silent, and whatever
        `read` raises.
        """
        self._sequence += 1
        try:
            connection = self._connect()
            dump = Dump(self._name, connection, self._sequence, self._clock, self._ticks_ms)
            connection.send(encode(self._sequence))
            return read(dump)
        except OSError as error:
            self.close()
            raise SourceError(self._name, error.strerror or str(error)) from error
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
