"""Connections that a real kernel refuses while the report looks: counted, named, explained."""

import errno
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.daemon.report.process import look, report
from tests.support.labs.lab import SERVER_PORT, Lab
from tests.support.labs.network_namespace import set_sysctl

pytestmark = pytest.mark.bpf

REMOTE, LOCAL = "127.0.0.9", "127.0.0.1"
IP_LOCAL_PORT_RANGE = 51  # include/uapi/linux/in.h
COMM = Path("/proc/self/comm").read_text(encoding="utf-8").rstrip("\n")


def refused(prepare: Callable[[socket.socket], None] = lambda _sock: None) -> int:
    """Try to connect; return the errno."""
    with socket.socket() as sock:
        prepare(sock)
        return sock.connect_ex((REMOTE, SERVER_PORT))


@contextmanager
def trying(attempt: Callable[[], int]) -> Iterator[list[int]]:
    """Keep trying in the caller's namespace; the list has the results."""
    done, results = threading.Event(), list[int]()

    def again_and_again() -> None:
        while not done.is_set():  # without a pause: a look at a calm host takes milliseconds
            results.append(attempt())

    thread = threading.Thread(target=again_and_again)
    thread.start()
    try:
        yield results
    finally:
        done.set()
        thread.join()


def fill(lab: Lab, first: int, last: int) -> None:
    set_sysctl("ip_local_port_range", f"{first} {last}")
    for _port in range(first, last + 1):
        lab.connect(REMOTE)


def test_full_pool(lab: Lab) -> None:
    """Each refusal during the look is reported, with caller and destination: critical."""
    fill(lab, 40000, 40019)
    with trying(refused) as results:
        code, document = look()
    assert code == 2
    assert set(results) == {errno.EADDRNOTAVAIL}
    [told] = document["refused"]["listed"]
    assert (told["call"], told["cause"], told["process"]) == ("connect", "no_port", COMM)
    assert (told["remote_address"], told["port"]) == (REMOTE, str(SERVER_PORT))
    assert told["pool"] == f"{LOCAL} → {REMOTE}:{SERVER_PORT}"
    assert 0 < told["calls"] <= len(results)
    assert 1 <= document["refused"]["seconds"] <= 20


def test_range_of_the_socket(lab: Lab) -> None:
    """If a socket's own range runs out, a nearly empty pool is full all the same."""
    set_sysctl("ip_local_port_range", "32768 60999")

    def narrow(sock: socket.socket) -> None:
        bounds = struct.pack("=I", 40009 << 16 | 40000)
        sock.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, bounds)

    for _port in range(10):
        sock = lab.keep(socket.socket())
        narrow(sock)
        sock.connect((REMOTE, SERVER_PORT))
    with trying(lambda: refused(narrow)) as results:
        code, document = look()
    assert code == 2
    assert set(results) == {errno.EADDRNOTAVAIL}
    [pool] = [found for found in document["pressures"] if found["kind"] == "outbound"]
    assert (pool["used"], pool["seconds_left"], pool["severity"]) == (10, 0.0, "critical")
    assert "refused_below_limit" in {found["name"] for found in document["findings"]}
    assert "IP_LOCAL_PORT_RANGE" in pool["advice"]


def test_port_of_the_clients_choice(lab: Lab) -> None:
    """A client that binds a port which already has that connection is reported; no pool is full."""

    def bind(sock: socket.socket) -> None:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind((LOCAL, 40001))

    first = lab.keep(socket.socket())
    bind(first)
    first.connect((REMOTE, SERVER_PORT))
    with trying(lambda: refused(bind)) as results:
        done = report(COLUMNS="200")
    assert errno.EADDRNOTAVAIL in results
    assert done.returncode == 1
    assert f"could not connect to {REMOTE}:{SERVER_PORT}" in done.stdout
    assert "the port it bound already has a connection to that destination" in done.stdout
