"""Full source pools: an outage if applications bind first, and nothing if none does."""

import errno
import socket
import struct

import pytest

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.pressures import Pressure
from tests.support.labs.lab import SERVER_PORT, Lab, Observer
from tests.support.labs.network_namespace import set_sysctl

IP_LOCAL_PORT_RANGE = 51  # include/uapi/linux/in.h: connect() chooses this one port
PORTS = 40
REMOTES = [f"127.0.1.{number + 1}" for number in range(PORTS)]


@pytest.fixture(autouse=True)
def port_range(lab: Lab) -> None:  # noqa: ARG001 - its namespace
    set_sysctl("ip_local_port_range", f"40000 {40000 + PORTS - 1}")


def source(sample: NamespaceSample) -> Pressure:
    [found] = [p for p in assess(sample).pressures if (p.kind, p.name) == ("source", "127.0.0.1")]
    return found


def binds(local: str) -> bool:
    with socket.socket() as sock:
        try:
            sock.bind((local, 0))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return False
        return True


def test_crawler(lab: Lab, observer: Observer) -> None:
    """One connection to each of many destinations fills no pool that anybody needs: all is calm."""
    for port, remote in enumerate(REMOTES, start=40000):
        client = lab.keep(socket.socket())
        client.setsockopt(socket.IPPROTO_IP, IP_LOCAL_PORT_RANGE, struct.pack("=HH", port, port))
        client.connect((remote, SERVER_PORT))
    sample = observer.sample()
    assert source(sample).ratio == 1
    assert assess(sample).verdict == "calm"
    assert lab.connect("127.0.2.1"), "the same ports serve every further destination"


def test_applications_that_bind(lab: Lab, observer: Observer) -> None:
    """If each connection bound its port, the pool is now full: bind() fails."""
    assert lab.bind_until_full("127.0.0.1", REMOTES) == PORTS
    assert not binds("127.0.0.1")
    found = source(observer.sample())
    assert (found.ratio, found.severity, found.seconds_left) == (1, Severity.CRITICAL, 0)


def test_nearly_full(lab: Lab, observer: Observer) -> None:
    """One port earlier, bind() works, and it is a warning."""
    assert lab.bind_until_full("127.0.0.1", REMOTES) == PORTS
    lab.clients.clear()
    set_sysctl("ip_local_port_range", f"40000 {40000 + PORTS + 1}")
    assert binds("127.0.0.1")
    found = source(observer.sample())
    assert (found.used, found.limit) == (PORTS, PORTS + 2)
    assert (found.severity, found.seconds_left) == (Severity.WARNING, None)
