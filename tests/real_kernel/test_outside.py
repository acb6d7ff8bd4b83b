"""Ports outside the local port range, and addresses of other hosts: who connected, what is left."""

import errno
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tcp_pressure_exporter.facts.tally import NetworkPorts
from tcp_pressure_exporter.pools.explicit import SourceRanges
from tcp_pressure_exporter.sample.sample import POOLS
from tcp_pressure_exporter.settings.config import Config
from tests.support.labs.gateway_lab import inside, ip, kept_namespace, translate
from tests.support.labs.lab import EVERYTHING, SERVER_PORT, Lab, Observer, time_wait_here
from tests.support.labs.network_namespace import set_sysctl
from tests.support.messages.socket_entries import sixteen_bytes

IP_TRANSPARENT = 19  # include/uapi/linux/in.h
HERE, REMOTE = "127.0.0.1", "127.0.0.9"
SOURCES = SourceRanges((NetworkPorts(sixteen_bytes(HERE), 128, 20_000, 20_009),))
CONFIGURED = Config(EVERYTHING.listing, EVERYTHING.groups, sources=SOURCES)
ABROAD = "203.0.113.80"  # a server that the clients want to reach


@pytest.fixture(autouse=True)
def port_range(lab: Lab) -> None:  # noqa: ARG001 - its namespace
    set_sysctl("ip_local_port_range", "40000 40099")


def proxied(lab: Lab, ports: range, remote: str = REMOTE) -> int:
    """Connect from the first free port of a proxy's own range; return how often that succeeds."""
    made = 0
    for port in ports:
        client = lab.keep(socket.socket())
        client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            client.bind((HERE, port))
            client.connect((remote, SERVER_PORT))
        except OSError as error:
            if error.errno not in {errno.EADDRINUSE, errno.EADDRNOTAVAIL}:
                raise
            continue
        lab.keep(lab.server4.accept()[0])
        made += 1
    return made


def ends(observer: Observer, direction: str, config: Config = EVERYTHING) -> dict[str, int]:
    """Return the used ports of each pool of a direction by its local end and remote address."""
    listed = observer.sample(config).get(POOLS)[direction].listed
    return {
        f"{pool.local_address} {pool.remote_address}:{pool.port}": pool.usage.used
        for pool in listed
    }


@pytest.mark.parametrize("ports", [range(20_000, 20_010), range(40_050, 40_060)])
def test_source_range(lab: Lab, observer: Observer, ports: range) -> None:
    """A proxy's source range is full when it is, even inside the local port range."""
    low, high = ports[0], ports[-1]
    known = SourceRanges((NetworkPorts(sixteen_bytes(HERE), 128, low, high),))
    config = Config(EVERYTHING.listing, EVERYTHING.groups, sources=known)
    assert proxied(lab, ports) == 10
    assert proxied(lab, ports) == 0
    local, far = f"{HERE}:{low}-{high}", f"{REMOTE}:{SERVER_PORT}"
    assert ends(observer, "outbound", config) == {f"{local} {far}": 10}
    table = observer.sample(config).get(POOLS)["outbound"]
    assert (table.ratio_max, table.listed[0].usage.limit) == (1.0, 10)


def test_range_that_nobody_told(lab: Lab, observer: Observer) -> None:
    """If it is not configured, the range is a pool without a limit, next to that of connect()."""
    proxied(lab, range(20_000, 20_010))
    lab.connect(REMOTE, HERE)
    far = f"{REMOTE}:{SERVER_PORT}"
    assert ends(observer, "outbound") == {f"{HERE} {far}": 1, f"{HERE}:outside {far}": 10}


def test_privileged_ports(lab: Lab, observer: Observer) -> None:
    """A client that needs ports below 1024, as NFS does, has none left: all are in TIME_WAIT."""
    for port in range(665, 1024):
        time_wait_here(lab.connect(REMOTE, HERE, port))
    with socket.socket() as another, pytest.raises(OSError, match="in use"):
        another.bind((HERE, 700))
    [pool] = observer.sample().get(POOLS)["outbound"].listed
    assert pool.local_address == f"{HERE}:1-1023"
    assert (pool.usage.used, pool.usage.limit, pool.usage.time_wait) == (359, 359, 359)


def test_service_that_has_stopped_listening(lab: Lab, observer: Observer) -> None:
    """Connections of a service that is shutting down stay inbound, even in the first sample."""
    with lab.listen("0.0.0.0", 443) as listener:
        for _ in range(5):
            client = lab.keep(socket.socket())
            client.connect((REMOTE, 443))
            lab.keep(listener.accept()[0])
    assert ends(observer, "inbound") == {f"{REMOTE} {HERE}:443": 5}
    assert ends(observer, "outbound") == {f"{HERE} {REMOTE}:443": 5}


@contextmanager
def transparent_proxy(lab: Lab) -> Iterator[tuple[int, socket.socket]]:
    """Give the namespace of clients, and the listener that gets all their connections."""
    with kept_namespace() as clients:
        path = f"/proc/{os.getpid()}/fd/{clients}"
        ip(f"link add inside type veth peer name eth0 netns {path}")
        ip("address add 192.0.2.1/24 dev inside\nlink set inside up")
        ip("rule add fwmark 1 lookup 100\nroute add local default dev lo table 100")
        set_sysctl("ip_forward", 1)
        translate("""
            table ip proxy {
                chain in {
                    type filter hook prerouting priority mangle;
                    iifname inside meta l4proto tcp tproxy to :15001 meta mark set 1
                }
            }
        """)
        with inside(clients):
            ip("address add 192.0.2.2/24 dev eth0\nlink set eth0 up")
            ip("route add default via 192.0.2.1")
            set_sysctl("ip_local_port_range", "50000 50999")
        listener = lab.keep(socket.socket())
        listener.setsockopt(socket.IPPROTO_IP, IP_TRANSPARENT, 1)
        listener.bind(("0.0.0.0", 15001))
        listener.listen(100)
        yield clients, listener


@pytest.mark.parametrize("port", [80, 40_080])
def test_transparent_proxy(lab: Lab, observer: Observer, port: int) -> None:
    """TPROXY's connections are an inbound pool of the address and port that the clients want."""
    with transparent_proxy(lab) as (clients, listener):
        for _ in range(30):
            with inside(clients):
                client = lab.keep(socket.socket())
                client.connect((ABROAD, port))
            accepted = lab.keep(listener.accept()[0])
            assert accepted.getsockname() == (ABROAD, port)
        assert ends(observer, "inbound") == {f"{ABROAD} 192.0.2.2:{port}": 30}
        assert ends(observer, "outbound") == {}
        assert ends(observer, "source") == {}
