import contextlib
import itertools
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from prometheus_client.core import Metric

from tcp_pressure_exporter.web.limits import Limits
from tests.web.harness import (
    PATIENCE_SECONDS,
    GatedFamilies,
    Serving,
    client,
    eventually,
    get,
    open_descriptors,
    parse_replies,
    read_all,
    request_bytes,
    two_families,
)

_FEW_DESCRIPTORS = """
import asyncio, resource, sys
from prometheus_client import CollectorRegistry
import structlog
from tcp_pressure_exporter.web.clients.connection import Shared
from tcp_pressure_exporter.web.listen import open_listeners
from tcp_pressure_exporter.web.pages.routes import build_router
from tcp_pressure_exporter.web.clients.server import Server
from tests.web.harness import FakeDocuments, FakeStatus

async def main():
    log = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[structlog.processors.KeyValueRenderer(sort_keys=True)],
        wrapper_class=structlog.make_filtering_bound_logger("info"),
    )
    [listener] = open_listeners(["127.0.0.1:0"], systemd=False)
    print(listener.getsockname()[1], flush=True)
    router = build_router(telemetry_path="/metrics", registry=CollectorRegistry(), log=log,
                          unready=lambda: None, status=FakeStatus(), documents=FakeDocuments(),
                          max_requests=40)
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
    others = [open("/dev/null") for _ in range(50)]  # whatever else has taken them
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(0, stop.set)
    await Server([listener], Shared(router, log)).run(stop)

asyncio.run(main())
"""


@pytest.fixture
def _many_descriptors() -> Iterator[None]:
    """Make room for both ends of 600 connections in this process."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def _drip(clients: list[socket.socket], done: threading.Event) -> None:
    """Send each client's request a byte at a time, until it is refused or `done`."""
    for byte in itertools.cycle(b"GET /metrics?".ljust(1000, b"x")):
        for sock in clients:
            with contextlib.suppress(OSError):  # the server has closed this one
                sock.send(bytes([byte]))
        if done.wait(0.05):
            return


@pytest.mark.usefixtures("_many_descriptors")
def test_storm_of_slow_clients() -> None:
    """With 500 silent and dripping clients, 15 of 15 scrapes succeed, all close, no fd is lost."""
    limits = Limits(head_seconds=1.5)
    done = threading.Event()
    with Serving(limits=limits) as serving, contextlib.ExitStack() as stack:
        before = open_descriptors()
        slow = [stack.enter_context(client(serving.address)) for _ in range(500)]
        dripper = threading.Thread(target=_drip, args=(slow[::2], done))
        dripper.start()
        assert [get(serving.address).status for _ in range(15)] == [200] * 15
        for sock in slow:
            read_all(sock)
        done.set()
        dripper.join()
        stack.close()
        eventually(lambda: open_descriptors() <= before)


def test_connection_cap_closes_the_oldest() -> None:
    """One connection over the cap closes the oldest idle one, and is itself served."""
    limits = Limits(connections=3, head_seconds=PATIENCE_SECONDS)
    with Serving(limits=limits) as serving, contextlib.ExitStack() as stack:
        first, *others = [stack.enter_context(client(serving.address)) for _ in range(3)]
        assert get(serving.address).status == 200
        assert read_all(first) == b""
        for sock in others:
            sock.sendall(request_bytes("GET", "/-/healthy", "Connection: close"))
            [reply] = parse_replies(read_all(sock))
            assert reply.status == 200


def test_connection_cap_spares_the_one_being_answered() -> None:
    """Over the cap, the oldest connection stays open while its page is being made."""
    slow = GatedFamilies()
    limits = Limits(connections=2, head_seconds=PATIENCE_SECONDS)
    with Serving(slow, limits=limits) as serving, client(serving.address) as oldest:
        oldest.sendall(request_bytes("GET", "/metrics", "Connection: close"))
        assert slow.asked.wait(PATIENCE_SECONDS)
        with client(serving.address) as idle, client(serving.address):
            assert read_all(idle) == b""
        slow.opened.set()
        [reply] = parse_replies(read_all(oldest))
        assert reply.status == 200


def test_graceful_stop() -> None:
    """On stop, the answer under way is finished, idle clients are closed, new ones refused."""
    slow = GatedFamilies()
    with (
        Serving(slow, limits=Limits(stop_seconds=5, idle_seconds=60)) as serving,
        client(serving.address) as idle,
        client(serving.address) as asking,
    ):
        idle.sendall(request_bytes("GET", "/-/healthy"))
        assert idle.recv(65536)
        asking.sendall(request_bytes("GET", "/metrics"))
        assert slow.asked.wait(PATIENCE_SECONDS)
        serving.begin_stop()
        assert idle.recv(65536) == b""
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection(serving.address, PATIENCE_SECONDS)
        slow.opened.set()
        [reply] = parse_replies(read_all(asking))
        assert (reply.status, reply.headers["connection"]) == (200, "close")
        asking.close()
        serving.wait_until_stopped()


def test_stop_does_not_wait_for_a_stuck_client() -> None:
    """A client that does not read its answer delays the stop only by the stop time."""

    def large() -> Iterator[Metric]:
        for family in two_families():
            family.documentation = "x" * 20_000_000
            yield family

    limits = Limits(write_seconds=PATIENCE_SECONDS * 6, stop_seconds=0.2)
    with Serving(large, limits=limits) as serving, client(serving.address) as stuck:
        stuck.sendall(request_bytes("GET", "/metrics"))
        assert stuck.recv(1)
        serving.begin_stop()
        serving.wait_until_stopped()


def test_descriptors_run_out() -> None:
    """Out of descriptors, the server warns once, drops its oldest clients and keeps serving."""
    command = [sys.executable, "-c", _FEW_DESCRIPTORS]
    with (
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as process,
        contextlib.ExitStack() as stack,
    ):
        assert process.stdin
        assert process.stdout
        address = ("127.0.0.1", int(process.stdout.readline()))
        for _ in range(200):
            stack.enter_context(client(address))
        assert get(address).status == 200
        output, _ = process.communicate("stop", PATIENCE_SECONDS)
    [warning] = output.splitlines()
    assert "error='EMFILE'" in warning
    assert process.returncode == 0
