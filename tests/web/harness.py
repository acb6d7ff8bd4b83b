"""A real server on a thread, and clients that talk to it in raw bytes."""

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog
from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.clients.connection import Shared
from tcp_pressure_exporter.web.clients.server import Server
from tcp_pressure_exporter.web.limits import Limits
from tcp_pressure_exporter.web.listen import open_listeners
from tcp_pressure_exporter.web.pages.routes import Router, build_router
from tcp_pressure_exporter.web.protection.allowed_hosts import AllowedHosts

PATIENCE_SECONDS = 10.0


class Families:
    """A collector that yields what a function returns."""

    def __init__(self, make: Callable[[], Iterable[Metric]]) -> None:
        self._make = make

    def collect(self) -> Iterable[Metric]:
        return self._make()


def two_families() -> Iterator[Metric]:
    """Yield one gauge with two series and one counter."""
    gauge = GaugeMetricFamily("ports_used", "Ports.", labels=["direction"])
    gauge.add_metric(["inbound"], 1)
    gauge.add_metric(["outbound"], 2)
    yield gauge
    yield CounterMetricFamily("closes", "Closes.", value=3)


class GatedFamilies:
    """Makes two families once it is opened. asked: set at the first request; times: how many."""

    def __init__(self) -> None:
        self.asked, self.opened = threading.Event(), threading.Event()
        self.times = 0

    def __call__(self) -> Iterator[Metric]:
        self.times += 1
        self.asked.set()
        assert self.opened.wait(PATIENCE_SECONDS)
        return two_families()


def registry_of(make: Callable[[], Iterable[Metric]]) -> CollectorRegistry:
    registry = CollectorRegistry()
    registry.register(Families(make))
    return registry


def capturing_logger() -> tuple[FilteringBoundLogger, LogCapture]:
    capture = LogCapture()
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[capture],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
    )
    return log, capture


@dataclass(frozen=True)
class FakeFile:
    """A file of a page."""

    path: str = "/static/a.0123.css"
    content_type: str = "text/css"
    body: bytes = b"* {}"


class FakeStatus:
    """A status whose pages are the names of what was requested."""

    files = (FakeFile(),)

    def __init__(self) -> None:
        self.made: list[str] = []
        self.number = 1

    def edition(self) -> int:
        return self.number

    def known(self, netns: str) -> bool:
        return netns == "host"

    def page(self, netns: str | None) -> bytes:
        self.made.append(f"page of {netns}")
        return self.made[-1].encode()

    def document(self) -> bytes:
        self.made.append("document")
        return b"{}"

    def incidents(self) -> bytes:
        self.made.append("incidents")
        return b"[]"


class FakeDocuments:
    """Documents that consist of their names."""

    names = ("", "a.md", "runbooks/b.md")

    def __init__(self) -> None:
        self.made: list[str] = []

    def page(self, name: str) -> bytes:
        self.made.append(name)
        return f"document {name}".encode()


class Serving:
    """Context manager: the exporter's pages, served by a thread of this process."""

    def __init__(  # noqa: PLR0913  # a keyword for each thing a test may change
        self,
        make: Callable[[], Iterable[Metric]] = two_families,
        *,
        limits: Limits | None = None,
        max_requests: int = 40,
        unready: Callable[[], str | None] = lambda: None,
        allowed_hosts: Sequence[str] = (),
        router: Callable[[FilteringBoundLogger], Router] | None = None,
    ) -> None:
        log, self.logged = capturing_logger()
        pages = router(log) if router else _pages(make, max_requests, unready, log)
        [listener] = open_listeners(["127.0.0.1:0"], systemd=False)
        self.address: tuple[str, int] = listener.getsockname()
        hosts = AllowedHosts.parse(allowed_hosts)
        shared = Shared(pages, log, limits or Limits(), allowed_hosts=hosts)
        self._server = Server([listener], shared)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.begin_stop()
        self.wait_until_stopped()

    def begin_stop(self) -> None:
        """Ask the server to stop; harmless if it has already stopped."""
        with suppress(RuntimeError):  # the loop is closed: it has stopped
            self._loop.call_soon_threadsafe(self._stop.set)

    def wait_until_stopped(self) -> None:
        self._thread.join(PATIENCE_SECONDS)
        assert not self._thread.is_alive(), "the server did not stop"

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._server.run(self._stop))


def _pages(
    make: Callable[[], Iterable[Metric]],
    max_requests: int,
    unready: Callable[[], str | None],
    log: FilteringBoundLogger,
) -> Router:
    return build_router(
        telemetry_path="/metrics",
        registry=registry_of(make),
        unready=unready,
        status=FakeStatus(),
        documents=FakeDocuments(),
        max_requests=max_requests,
        log=log,
    )


@dataclass(frozen=True)
class Reply:
    """One answer as received; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@contextmanager
def client(address: tuple[str, int]) -> Iterator[socket.socket]:
    with socket.create_connection(address, PATIENCE_SECONDS) as sock:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield sock


def exchange(address: tuple[str, int], *pieces: bytes, head_only: bool = False) -> list[Reply]:
    """Send the pieces, read until the server closes, return all answers."""
    with client(address) as sock:
        with suppress(ConnectionError):  # a refusal may come before everything is sent
            for piece in pieces:
                sock.sendall(piece)
        return parse_replies(read_all(sock), head_only=head_only)


def read_all(sock: socket.socket) -> bytes:
    """Read until the peer closes or resets; a timeout is a failure."""
    received = bytearray()
    with suppress(ConnectionError):  # a reset is an end, too
        while piece := sock.recv(65536):
            received += piece
    return bytes(received)


def parse_replies(raw: bytes, *, head_only: bool = False) -> list[Reply]:
    replies = []
    while raw:
        head, blank, raw = raw.partition(b"\r\n\r\n")
        assert blank, f"no whole head in {head!r}"
        status_line, *lines = head.decode().split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        length = 0 if head_only else int(headers["content-length"])
        assert len(raw) >= length, "the body is cut off"
        replies.append(Reply(int(status_line.split(" ")[1]), headers, raw[:length]))
        raw = raw[length:]
    return replies


def get(address: tuple[str, int], target: str = "/metrics", *header_lines: str) -> Reply:
    """GET over a connection of its own."""
    [reply] = exchange(address, request_bytes("GET", target, "Connection: close", *header_lines))
    return reply


def request_bytes(method: str, target: str, *header_lines: str) -> bytes:
    lines = (f"{method} {target} HTTP/1.1", "Host: localhost", *header_lines)
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def eventually(condition: Callable[[], bool]) -> None:
    """Wait for a condition that nothing announces, such as the number of open descriptors."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)


def open_descriptors() -> int:
    """Count the open descriptors of this process."""
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
