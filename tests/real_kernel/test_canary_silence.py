"""No packet, counter, descriptor or socket shows a probe; otherwise none is made."""

import socket
import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.canary.canary import Canary
from tcp_pressure_exporter.sources.procfs.resources import read_tcp_sockstat
from tests.support.fakes.fake_procfs import IPV4, FakeProcfs
from tests.support.labs.canary_lab import (
    POOL,
    POOL6,
    PROCFS,
    RANGE,
    counters,
    moved,
    pool,
    privilege,
    single_ports,
    use_small_range,
    whole_range,
)
from tests.support.labs.lab import SERVER_PORT, Lab
from tests.support.labs.network_namespace import set_sysctl

ETH_P_ALL = 3  # include/uapi/linux/if_ether.h
BLACKHOLE = "tcp_fastopen_blackhole_timeout_sec"


@pytest.fixture(autouse=True)
def small_range(lab: Lab) -> None:  # noqa: ARG001 - the namespace comes first
    """Give every test the range of 40 ports."""
    use_small_range()


@pytest.fixture
def tap(lab: Lab) -> socket.socket:
    """Give a socket that sees every packet on `lo`."""
    protocol = socket.htons(ETH_P_ALL)
    tap = lab.keep(socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, protocol))
    tap.bind(("lo", ETH_P_ALL))
    tap.settimeout(5)
    return tap


def packets_seen(tap: socket.socket) -> list[bytes]:
    """Send a datagram, and return the IP packets that were sent before it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as marker:
        marker.bind(("127.0.0.1", 0))
        marker.sendto(b"marker", marker.getsockname())
    packets: list[bytes] = []
    while True:
        packet, (_name, _protocol, kind, *_) = tap.recvfrom(65535)
        if kind == socket.PACKET_OUTGOING:  # each is seen again as it arrives
            if packet.endswith(b"marker"):
                return packets
            packets.append(packet)


@pytest.mark.parametrize("root", [True, False], ids=["root", "nobody"])
def test_no_packet(lab: Lab, tap: socket.socket, *, root: bool) -> None:
    """No probe sends a packet or moves a counter, whether it finds a port or not."""
    before = counters()
    with privilege(root=root):
        assert whole_range().success
        assert whole_range(POOL6).success
        assert single_ports(RANGE).success
        assert whole_range(pool("127.0.0.1", "127.0.0.9", 1)).success, "nobody listens there"
    assert moved(before) == {}
    assert packets_seen(tap) == []
    lab.connect_until_full("127.0.0.9")
    assert packets_seen(tap) != [], "the tap sees real connections"
    before = counters()
    with privilege(root=root):
        assert whole_range().success is False
        assert single_ports(RANGE).success is None
    assert moved(before) == {}
    assert packets_seen(tap) == []


def test_without_fast_open(lab: Lab, tap: socket.socket) -> None:
    """With net.ipv4.tcp_fastopen=0, root's probe still sends nothing, but moves EstabResets."""
    set_sysctl("tcp_fastopen", 0)
    before = counters()
    for _ in range(3):
        assert whole_range().success
    assert moved(before) == {"Tcp:EstabResets": 3}
    assert packets_seen(tap) == []
    lab.connect_until_full("127.0.0.9")
    before = counters()
    assert whole_range().success is False
    assert moved(before) == {}


def test_nobody_without_fast_open(tap: socket.socket) -> None:
    """With net.ipv4.tcp_fastopen=0, a probe without the capability is refused before connect()."""
    set_sysctl("tcp_fastopen", 0)
    with privilege(root=False), pytest.raises(SourceError, match=r"CAP_NET_ADMIN.*tcp_fastopen"):
        whole_range()
    assert packets_seen(tap) == []


def stop_deferring() -> None:
    """Make the kernel attribute fast open's lost SYN to a firewall: it stops deferring."""
    set_sysctl(BLACKHOLE, 3600)
    subprocess.run(["ip", "route", "add", "192.0.2.0/24", "dev", "lo"], check=True)
    with socket.socket() as sock:
        for option in (30, 34):  # TCP_FASTOPEN_CONNECT, TCP_FASTOPEN_NO_COOKIE
            sock.setsockopt(socket.IPPROTO_TCP, option, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, 1)
        sock.settimeout(30)
        sock.connect(("192.0.2.1", SERVER_PORT))  # nobody answers there
        sock.send(b"x")
        with pytest.raises(TimeoutError):
            sock.recv(1)
    assert counters()["TcpExt:TCPFastOpenBlackhole"] == 1


def test_fast_open_that_does_not_defer(tap: socket.socket) -> None:
    """If fast open does not defer, root sends nothing, and user nobody is refused beforehand.

    Had the sysctl not told, the first SYN that left would have ended it.
    """
    stop_deferring()
    packets_seen(tap)
    before = counters()
    assert whole_range().success
    with privilege(root=False), pytest.raises(SourceError, match=f"CAP_NET_ADMIN.*{BLACKHOLE}"):
        whole_range()
    assert moved(before) == {"Tcp:EstabResets": 1}
    assert packets_seen(tap) == []

    with TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # nobody must be able to read it
        FakeProcfs(Path(folder)).write(f"{IPV4}/{BLACKHOLE}", "0\n")
        misled = Canary(Path(folder))
        for _ in range(2):
            with privilege(root=False), pytest.raises(SourceError, match=r"off.*EINPROGRESS"):
                misled.probe(POOL, reuse=False, free_ports=0)
    assert moved(before)["Tcp:ActiveOpens"] == 1


def test_nothing_is_left_behind(lab: Lab) -> None:
    """After a thousand probes of every outcome no descriptor and no socket is left."""
    lab.connect_until_full("127.0.0.9")
    canary = Canary()
    keys = [POOL, POOL6, pool("10.9.9.9", "127.0.0.9"), pool("127.0.0.1", "192.0.2.1")]
    outcomes = set()

    def held() -> tuple[int, int]:
        return sum(1 for _ in Path("/proc/self/fd").iterdir()), read_tcp_sockstat(PROCFS)["inuse"]

    before = held()
    for number in range(1000):
        key = keys[number % len(keys)]
        outcomes.add(canary.probe(key, reuse=number % 8 >= 4, free_ports=RANGE).success)
    assert outcomes == {True, False, None}
    assert held() == before
