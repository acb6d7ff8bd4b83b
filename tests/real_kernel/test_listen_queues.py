"""Accept queues of real listeners, against what the kernel then dropped."""

import errno
import socket
import subprocess
import time

import psutil
import pytest

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.sample.sample import KERNEL_EVENTS, LISTEN_QUEUES
from tcp_pressure_exporter.sample.sockets import ListenQueue, ListenQueues
from tcp_pressure_exporter.verdict.assessment import assess
from tests.support.labs.findings_lab import found
from tests.support.labs.lab import Lab, Observer
from tests.support.labs.network_namespace import SYSCTLS, set_sysctl

ADDRESS = ("127.0.0.1", 9100)


def queues(observer: Observer) -> ListenQueues:
    outcome = observer.sample().outcome(LISTEN_QUEUES)
    assert outcome is not None
    return outcome.get()


def queue(observer: Observer, port: int) -> ListenQueue:
    (found,) = [queue for queue in queues(observer).listed if queue.port == str(port)]
    return found


def events(observer: Observer) -> dict[str, int]:
    outcome = observer.sample().outcome(KERNEL_EVENTS)
    assert outcome is not None
    return dict(outcome.get())


def listen(lab: Lab, backlog: int, *, reuse_port: bool = False) -> socket.socket:
    sock = lab.keep(socket.socket())
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, reuse_port)
    sock.bind(ADDRESS)
    sock.listen(backlog)
    return sock


def connect(lab: Lab, times: int) -> None:
    """Begin connections; those for which the queue has no room stay unanswered."""
    for _ in range(times):
        client = lab.keep(socket.socket())
        client.setblocking(False)  # noqa: FBT003 - its only argument
        assert client.connect_ex(ADDRESS) in {0, errno.EINPROGRESS}


def test_full_queue(lab: Lab, observer: Observer) -> None:
    """A queue counts waiting connections, as ss does; the kernel drops beyond the limit."""
    listen(lab, 4)
    connect(lab, 3)
    assert (queue(observer, 9100).used, queue(observer, 9100).limit) == (3, 4)
    before = events(observer)
    connect(lab, 4)
    found = queue(observer, 9100)
    shown = subprocess.check_output(["ss", "-Htln", "sport", "=", "9100"], text=True).split()
    assert (str(found.used), str(found.limit)) == (shown[1], shown[2]) == ("5", "4")
    assert queues(observer).ratio_max == pytest.approx(1.25)
    after = events(observer)
    assert after["ListenOverflows"] - before["ListenOverflows"] == 2
    assert after["ListenDrops"] - before["ListenDrops"] == 2


def test_owner(lab: Lab, observer: Observer) -> None:
    """From half full on, the owner that has to accept is known; emptier queues are not examined."""
    listen(lab, 4)
    connect(lab, 1)
    assert queue(observer, 9100).owner.process == ""
    connect(lab, 2)
    assert queue(observer, 9100).owner.process == psutil.Process().name()


def test_accepting_empties_it(lab: Lab, observer: Observer) -> None:
    """An accepted connection no longer waits."""
    server = listen(lab, 4)
    connect(lab, 2)
    lab.keep(server.accept()[0])
    assert queue(observer, 9100).used == 1


def test_backlog_is_cut_to_somaxconn(lab: Lab, observer: Observer) -> None:
    """The limit is what the kernel made of the backlog, and stays as it was at listen()."""
    somaxconn = SYSCTLS.parent / "core" / "somaxconn"
    somaxconn.write_text("7\n")
    listen(lab, 100)
    connect(lab, 1)
    assert queue(observer, 9100).limit == 7
    somaxconn.write_text("3\n")
    assert queue(observer, 9100).limit == 7


def test_fullest_of_several_sockets(lab: Lab, observer: Observer) -> None:
    """Of sockets that share a port, the fullest is shown: its clients are the ones dropped."""
    set_sysctl("tcp_migrate_req", 0)
    servers = [listen(lab, 64, reuse_port=True) for _ in range(4)]
    connect(lab, 60)
    deadline = time.monotonic() + 5
    for server in servers[1:]:
        server.setblocking(False)  # noqa: FBT003 - its only argument
        while time.monotonic() < deadline:
            try:
                lab.keep(server.accept()[0])
            except BlockingIOError:
                break
    waiting = queue(observer, 9100).used
    accepted = 0
    while accepted < waiting:
        lab.keep(servers[0].accept()[0])
        accepted += 1
    assert waiting > 0
    assert queues(observer).ratio_max == 0


def test_idle_listeners(observer: Observer) -> None:
    """Without a waiting connection the highest ratio is 0, not absent."""
    found = queues(observer)
    assert [queue.used for queue in found.listed] == [0, 0]  # the lab's own listeners
    assert found.ratio_max == 0


def test_burst_that_is_over(lab: Lab, observer: Observer) -> None:
    """A queue that was full and is empty again is remembered for a minute, and can wait."""
    server = listen(lab, 4)
    connect(lab, 5)
    assert queues(observer).ratio_max == pytest.approx(1.25)
    assert "accept_queue_was_full" not in found(observer)
    for _ in range(5):
        lab.keep(server.accept()[0])
    assert queue(observer, 9100).used == 0
    after = queues(observer)
    assert after.ratio_max == 0
    assert after.ratio_max_1m == pytest.approx(1.25)
    assert found(observer) == {
        "accept_queue_was_full": "127.0.0.1:9100 was 125 % full within the last minute"
    }
    assert assess(observer.sample()).severity is Severity.CALM
