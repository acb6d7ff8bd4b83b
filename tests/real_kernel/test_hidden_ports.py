"""Ports of sockets that were bound before they connected: the estimate against their number."""

import errno
import socket

import pytest

from tcp_pressure_exporter.sample.sample import CANARY
from tests.support.labs.lab import SERVER_PORT, Lab, Observer
from tests.support.labs.network_namespace import set_sysctl

FIRST = 40000
PORTS = 400


def bind_and_connect(lab: Lab, port: int, remote: str = "127.0.0.8") -> None:
    """Bind to a port, then connect: sock_diag shows no difference to a chosen port."""
    client = lab.keep(socket.socket())
    client.bind(("127.0.0.1", port))
    client.connect((remote, SERVER_PORT))
    lab.keep(lab.server4.accept()[0])


@pytest.fixture(autouse=True)
def port_range(lab: Lab) -> None:  # noqa: ARG001 - its namespace
    set_sysctl("ip_local_port_range", f"{FIRST} {FIRST + PORTS - 1}")
    set_sysctl("tcp_tw_reuse", 0)


def report(observer: Observer) -> tuple[float | None, list[bool | None]]:
    canary = observer.sample().outcome(CANARY)
    assert canary is not None
    found = canary.get()
    return found.hidden_ports, [probe.verdict.success for probe in found.probes]


def test_estimate(lab: Lab, observer: Observer) -> None:
    """40 of 160 held ports are hidden; the estimate of 12 samples is near that.

    Its standard error is 160 × √(¼ · ¾ ÷ 768) = 2.5 ports at most; 13 are five of them.
    """
    for _ in range(120):
        lab.connect("127.0.0.9")
    held = {address[1] for address in map(socket.socket.getsockname, lab.clients)}
    free = [port for port in range(FIRST, FIRST + PORTS) if port not in held]
    for port in free[:40]:
        bind_and_connect(lab, port)
    for _ in range(11):
        observer.sample()
    hidden, _verdicts = report(observer)
    assert hidden == pytest.approx(40, abs=13)


def test_none_hidden(lab: Lab, observer: Observer) -> None:
    """Where connect() chose every port, none is hidden: the estimate is 0, not nearly."""
    for _ in range(150):
        lab.connect("127.0.0.9")
    assert report(observer) == (0, [])


def test_little_used(lab: Lab, observer: Observer) -> None:
    """Where no pool is in any danger, the kernel is not asked."""
    for port in range(FIRST, FIRST + 50):
        bind_and_connect(lab, port)
    assert report(observer) == (None, [])


def test_full_of_hidden_ports(lab: Lab, observer: Observer) -> None:
    """The canary sees a full pool that looks half full, since hidden ports bring it up."""
    for port in range(FIRST, FIRST + 200):
        bind_and_connect(lab, port)
    assert lab.connect_until_full("127.0.0.9") == 200
    hidden, verdicts = report(observer)
    assert hidden == pytest.approx(200, abs=130)  # one sample of 64 ports
    pool = observer.pool("outbound", "127.0.0.1", "127.0.0.9", str(SERVER_PORT))
    assert pool.usage.ratio == 0.5
    assert False in verdicts
    with pytest.raises(OSError, match="Cannot assign") as caught:
        lab.connect("127.0.0.9")
    assert caught.value.errno == errno.EADDRNOTAVAIL


def test_many_destinations(lab: Lab, observer: Observer) -> None:
    """Bound ports are found out although each destination has only one connection."""
    for number in range(150):
        bind_and_connect(lab, FIRST + number, f"127.1.0.{number + 1}")
    hidden, _verdicts = report(observer)
    assert hidden == pytest.approx(150, abs=1)
