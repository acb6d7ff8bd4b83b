"""Ports of sockets that were bound before they connected: the estimate against their number."""

import errno
import socket
import subprocess

import pytest

from tcp_pressure_exporter.sample.sample import CANARY, FINDINGS
from tests.support.labs.lab import SERVER_PORT, Lab, Observer
from tests.support.labs.network_namespace import add_address, set_sysctl

FIRST = 40000
PORTS = 400


def bind_and_connect(
    lab: Lab, port: int, remote: str = "127.0.0.8", local: str = "127.0.0.1"
) -> None:
    """Bind to a port, then connect: sock_diag shows no difference from a chosen port."""
    client = lab.keep(socket.socket())
    client.bind((local, port))
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
    """If connect() chose every port, none is hidden: the estimate is exactly 0."""
    for _ in range(150):
        lab.connect("127.0.0.9")
    assert report(observer) == (0, [])


def test_little_used(lab: Lab, observer: Observer) -> None:
    """If no pool is in danger, the kernel is not asked."""
    for port in range(FIRST, FIRST + 50):
        bind_and_connect(lab, port)
    assert report(observer) == (None, [])


def test_full_of_hidden_ports(lab: Lab, observer: Observer) -> None:
    """The canary sees that a pool that looks half full is full, as hidden ports bring it up."""
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


@pytest.fixture
def narrow_loopback(lab: Lab) -> None:  # noqa: ARG001 - its namespace
    """Leave 127.0.0.1 and the addresses of two hosts to `lo`, and none of the rest of 127/8."""
    subprocess.run(["ip", "address", "del", "127.0.0.1/8", "dev", "lo"], check=True)
    for address in ("127.0.0.1/32", "10.99.0.1/32", "10.99.0.2/32"):
        add_address(address)


def bind_before_connect(observer: Observer) -> str | None:
    states = observer.sample().get(FINDINGS)
    [found] = [state for state in states if state.finding.name == "bind_before_connect"]
    return found.detail


@pytest.mark.usefixtures("narrow_loopback")
@pytest.mark.parametrize("nonlocal_bind", [0, 1])
def test_narrow_loopback(lab: Lab, observer: Observer, nonlocal_bind: int) -> None:
    """If bind() to 127.101.127.101 is refused, no other port is mistaken for a hidden one.

    Nor is one if net.ipv4.ip_nonlocal_bind lets bind() pass.
    """
    set_sysctl("ip_nonlocal_bind", nonlocal_bind)
    for _ in range(200):
        lab.connect("10.99.0.2", "10.99.0.1")
    assert report(observer) == (0, [])
    assert bind_before_connect(observer) is None


@pytest.mark.usefixtures("narrow_loopback")
def test_hidden_ports_on_a_narrow_loopback(lab: Lab, observer: Observer) -> None:
    """The ends of a pool then serve to find the hidden ports."""
    for _ in range(140):
        lab.connect("10.99.0.2", "10.99.0.1")
    taken = {client.getsockname()[1] for client in lab.clients}
    for port in [port for port in range(FIRST, FIRST + PORTS) if port not in taken][:60]:
        bind_and_connect(lab, port, "10.99.0.2", "10.99.0.1")
    hidden, _verdicts = report(observer)
    assert hidden == pytest.approx(60, abs=58)  # of 64 ports, four standard errors
    assert bind_before_connect(observer) is not None


def test_loopback_down(lab: Lab, observer: Observer) -> None:
    """If `lo` is down and without an address, connections are not hidden ports either."""
    commands = ["link set lo down", "address flush dev lo", "link add v0 type veth peer name v1"]
    commands += ["link set v0 up", "link set v1 up", "address add 10.99.0.1/24 dev v0"]
    for command in commands:
        subprocess.run(["ip", *command.split()], check=True)
    for _ in range(200):
        client = lab.keep(socket.socket())
        client.settimeout(0)
        assert client.connect_ex(("10.99.0.2", SERVER_PORT)) == errno.EINPROGRESS
    assert report(observer) == (0, [])
    assert bind_before_connect(observer) is None


def test_many_destinations(lab: Lab, observer: Observer) -> None:
    """Bound ports are found out although each destination has only one connection."""
    for number in range(150):
        bind_and_connect(lab, FIRST + number, f"127.1.0.{number + 1}")
    hidden, _verdicts = report(observer)
    assert hidden == pytest.approx(150, abs=1)
