"""Sockets bound to an interface have separate tuple spaces, as in the kernel."""

import errno
import os
import socket

import pytest

from tcp_pressure_exporter.sample.sample import CANARY
from tests.support.labs.gateway_lab import inside, ip, kept_namespace
from tests.support.labs.lab import SERVER_PORT, Lab, Observer
from tests.support.labs.network_namespace import set_sysctl

PORTS = 20
REMOTE = "127.0.0.9"
HERE, THERE = "fe80::aa", "fe80::bb"


@pytest.fixture(autouse=True)
def port_range(lab: Lab) -> None:  # noqa: ARG001 - its namespace
    set_sysctl("ip_local_port_range", f"40000 {40000 + PORTS - 1}")
    set_sysctl("tcp_tw_reuse", 0)


def connect_by(lab: Lab, device: str, remote: tuple[str, int] | tuple[str, int, int, int]) -> bool:
    """Connect by a device, and tell whether a port was left."""
    client = lab.keep(socket.socket(socket.AF_INET6 if ":" in remote[0] else socket.AF_INET))
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
    try:
        client.connect(remote)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def by_loopback(lab: Lab, times: int) -> int:
    """Return how many of `times` connections by `lo` find a port."""
    return sum(connect_by(lab, "lo", (REMOTE, SERVER_PORT)) for _ in range(times))


def free(observer: Observer, local: str) -> int:
    return observer.free("outbound", local, REMOTE, str(SERVER_PORT))


def test_device_beside_none(lab: Lab, observer: Observer) -> None:
    """Sockets bound to a device take no ports from others; the pools say how many are left."""
    assert by_loopback(lab, 12) == 12
    assert free(observer, "127.0.0.1%lo") == 8
    lab.connect(REMOTE)
    assert free(observer, "127.0.0.1") == PORTS - 1
    assert lab.connect_until_full(REMOTE) == PORTS - 1


def test_none_beside_device(lab: Lab, observer: Observer) -> None:
    """A pool that sockets without a device have filled is full for those with one too."""
    assert by_loopback(lab, 1) == 1
    assert lab.connect_until_full(REMOTE) == PORTS
    assert by_loopback(lab, 1) == 0
    assert free(observer, "127.0.0.1%lo") == 0
    refusing = [probe.pool.local_address for probe in observer.sample().get(CANARY).refusals()]
    assert refusing == ["127.0.0.1", "127.0.0.1%lo"]


def test_bind_with_and_without_a_device(lab: Lab, observer: Observer) -> None:
    """A bind() conflicts with ports of its device and of none; without a device, with all."""
    for _ in range(5):
        lab.connect(REMOTE)
    assert by_loopback(lab, 12) == 12
    used = {pool.local_address: pool.usage.used for pool in observer.tables()["source"].listed}
    assert used == {"127.0.0.1": 17, "127.0.0.1%lo": 17}
    assert lab.bind_until_full("127.0.0.1", ["127.0.0.8"]) == PORTS - 17


def test_link_local_by_two_links(lab: Lab, observer: Observer) -> None:
    """The same link-local ends on two links are two pools, each named by its link."""
    with kept_namespace() as peer:
        for link in ("left", "right"):
            path = f"/proc/{os.getpid()}/fd/{peer}"
            ip(f"link add {link} type veth peer name {link} netns {path}")
            ends = f"dev {link} nodad\nlink set {link} addrgenmode none up"
            ip(f"address add {HERE}/64 {ends}")
            with inside(peer):
                ip(f"address add {THERE}/64 {ends}")
        with inside(peer):
            listener = socket.create_server(("::", 80), family=socket.AF_INET6, backlog=100)
        lab.keep(listener)
        for link, times in (("left", PORTS), ("right", 15)):
            there = (THERE, 80, 0, socket.if_nametoindex(link))
            assert all(connect_by(lab, link, there) for _ in range(times))
        used = {
            pool.local_address: (pool.usage.used, pool.remote_address)
            for pool in observer.tables()["outbound"].listed
        }
        assert used == {f"{HERE}%left": (PORTS, THERE), f"{HERE}%right": (15, THERE)}
        [refusal] = observer.sample().get(CANARY).refusals()
        assert refusal.pool.local_address == f"{HERE}%left"
        assert not connect_by(lab, "left", (THERE, 80, 0, socket.if_nametoindex("left")))
        assert connect_by(lab, "right", (THERE, 80, 0, socket.if_nametoindex("right")))
