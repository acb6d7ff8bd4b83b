"""The kernel's edge of a TCP socket that connects from a given port, or from any."""

import errno
import os
import socket
import struct
from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Self, cast

from tcp_pressure_exporter.facts.questions import CanaryAnswer
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.sources.canary.canary import Canary
from tests.support.fakes.fake_clock import FakeClock

LOCAL_PORT_RANGE = (0, 51)  # level and number of the option: include/uapi/linux/in.h

V4 = PoolKey(ip_address("::ffff:10.0.0.1").packed, ip_address("::ffff:10.0.0.2").packed, b"\1\2")
V6 = PoolKey(ip_address("2001:db8::1").packed, ip_address("2001:db8::2").packed, b"\1\2")
CHOSEN = 40_000  # when the whole range is searched


class FakeTcpSocket:
    """Stands for socket.socket; records what is asked of it and answers as its kernel says."""

    def __init__(self, kernel: "FakeKernel", family: int) -> None:
        self.kernel = kernel
        self.family = family
        self.options: list[tuple[int, int]] = []
        self.only_port: int | None = None
        self.bound: tuple[str, int] | None = None
        self.remote: tuple[str, int] | None = None
        self.closed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True

    def setsockopt(self, level: int, option: int, value: int | bytes) -> None:
        _raise(self.kernel.refused.get((level, option), 0))
        self.options.append((level, option))
        if (level, option) == LOCAL_PORT_RANGE:
            assert isinstance(value, bytes)
            low, high = struct.unpack("=HH", value)
            assert low == high, "one port, not a range of them"
            self.only_port = low
        else:
            assert value == 1

    def bind(self, address: tuple[str, int]) -> None:
        _raise(self.kernel.bind_error)
        _raise(errno.EADDRNOTAVAIL if address[0] in self.kernel.not_here else 0)
        self.bound = address

    def connect_ex(self, address: tuple[str, int]) -> int:
        self.remote = address
        self.kernel.clock.advance(self.kernel.search_seconds)
        return self.kernel.connect(self.only_port)

    def getsockname(self) -> tuple[str, int]:
        return "", self.kernel.chosen or self.only_port or CHOSEN


class FakeKernel:
    """Hands out sockets. connect: from the one port requested, or None, to an errno.

    not_here: addresses that are not this host's.
    """

    def __init__(self, procfs: Path = Path("/nowhere")) -> None:
        self.clock = FakeClock()
        self.search_seconds = 0.25
        self.refused: dict[tuple[int, int], int] = {}
        self.bind_error = 0
        self.not_here: set[str] = set()
        self.connect: Callable[[int | None], int] = lambda _port: 0
        self.chosen: int | None = None
        self.opened: list[FakeTcpSocket] = []
        self.canary = Canary(procfs, self.open, self.clock)

    def open(self, family: int) -> socket.socket:
        self.opened.append(FakeTcpSocket(self, family))
        return cast("socket.socket", self.opened[-1])

    def whole_range(self, key: PoolKey = V4) -> CanaryAnswer:
        """Probe in the form for the whole range."""
        return self._probe(lambda: self.canary.probe(key, reuse=False, free_ports=0))

    def single_ports(self, free_ports: int) -> CanaryAnswer:
        """Probe in the form for single ports."""
        return self._probe(lambda: self.canary.probe(V4, reuse=True, free_ports=free_ports))

    def _probe(self, probe: Callable[[], CanaryAnswer]) -> CanaryAnswer:
        try:
            return probe()
        finally:
            assert all(sock.closed for sock in self.opened)

    @property
    def asked(self) -> list[int | None]:
        """The ports that were connected from, None standing for the whole range."""
        return [sock.only_port for sock in self.opened if sock.remote]


def _raise(number: int) -> None:
    if number:
        raise OSError(number, os.strerror(number))
