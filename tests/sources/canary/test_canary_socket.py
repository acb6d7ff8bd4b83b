import errno
import socket
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tests.support.fakes.fake_tcp_socket import LOCAL_PORT_RANGE, V4, V6, FakeKernel

# Level and number of the options: include/uapi/linux/tcp.h and in.h
REPAIR = (6, 19)
FASTOPEN_CONNECT = (6, 30)
FASTOPEN_NO_COOKIE = (6, 34)
BIND_ADDRESS_NO_PORT = (0, 24)

BLACKHOLE = "sys/net/ipv4/tcp_fastopen_blackhole_timeout_sec"


@pytest.fixture
def kernel(tmp_path: Path) -> FakeKernel:
    """Give a kernel whose fast open always defers."""
    blackhole = tmp_path / BLACKHOLE
    blackhole.parent.mkdir(parents=True)
    blackhole.write_text("0\n")
    return FakeKernel(tmp_path)


def test_ends_of_ipv4() -> None:
    """A v4-mapped pool is asked for with an IPv4 socket, the address bound, the port left open."""
    kernel = FakeKernel()
    kernel.whole_range(V4)
    [sock] = kernel.opened
    assert sock.family == socket.AF_INET
    assert (sock.bound, sock.remote) == (("10.0.0.1", 0), ("10.0.0.2", 258))
    assert BIND_ADDRESS_NO_PORT in sock.options
    assert LOCAL_PORT_RANGE not in sock.options


def test_ends_of_ipv6() -> None:
    """An IPv6 pool is asked for with an IPv6 socket."""
    kernel = FakeKernel()
    kernel.whole_range(V6)
    [sock] = kernel.opened
    assert sock.family == socket.AF_INET6
    assert (sock.bound, sock.remote) == (("2001:db8::1", 0), ("2001:db8::2", 258))


def test_repair_and_fast_open() -> None:
    """If the kernel allows all three options, all are set: first TCP_REPAIR, the safety net."""
    kernel = FakeKernel()
    kernel.whole_range()
    assert kernel.opened[0].options[:3] == [REPAIR, FASTOPEN_CONNECT, FASTOPEN_NO_COOKIE]


@pytest.mark.parametrize("option", [FASTOPEN_CONNECT, FASTOPEN_NO_COOKIE])
def test_repair_alone(option: tuple[int, int]) -> None:
    """With the capability, fast open is not needed."""
    kernel = FakeKernel()
    kernel.refused = {option: errno.EOPNOTSUPP}
    assert kernel.whole_range().success


def test_fast_open_alone(kernel: FakeKernel) -> None:
    """Without the capability, fast open is enough."""
    kernel.refused = {REPAIR: errno.EPERM}
    assert kernel.whole_range().success
    assert kernel.opened[0].options[:2] == [FASTOPEN_CONNECT, FASTOPEN_NO_COOKIE]


def never_asked(kernel: FakeKernel) -> str:
    """Return the error of a probe that must not get as far as connect()."""
    with pytest.raises(SourceError) as caught:
        kernel.whole_range()
    assert kernel.asked == []
    return str(caught.value)


@pytest.mark.parametrize("option", [FASTOPEN_CONNECT, FASTOPEN_NO_COOKIE])
def test_neither(kernel: FakeKernel, option: tuple[int, int]) -> None:
    """Without the capability and without fast open nothing is asked; the error names both."""
    kernel.refused = {REPAIR: errno.EPERM, option: errno.EOPNOTSUPP}
    assert never_asked(kernel) == (
        "canary: needs CAP_NET_ADMIN because fast open is off (net.ipv4.tcp_fastopen): "
        "Operation not supported"
    )


def test_blackhole_detection(kernel: FakeKernel, tmp_path: Path) -> None:
    """Fast open alone is not trusted if the kernel may stop deferring."""
    (tmp_path / BLACKHOLE).write_text("3600\n")
    assert kernel.whole_range().success, "with the capability it does not matter"
    kernel.opened.clear()
    kernel.refused = {REPAIR: errno.EPERM}
    assert never_asked(kernel) == (
        "canary: needs CAP_NET_ADMIN because net.ipv4.tcp_fastopen_blackhole_timeout_sec is not 0"
    )


def test_blackhole_detection_unknown(kernel: FakeKernel, tmp_path: Path) -> None:
    """If it is not known whether the kernel may stop deferring, nothing is asked."""
    (tmp_path / BLACKHOLE).unlink()
    kernel.refused = {REPAIR: errno.EPERM}
    assert never_asked(kernel) == "net.ipv4.tcp_fastopen_blackhole_timeout_sec: absent"


def test_port_would_be_reserved() -> None:
    """Without IP_BIND_ADDRESS_NO_PORT bind() would take a port: it is not called."""
    kernel = FakeKernel()
    kernel.refused = {BIND_ADDRESS_NO_PORT: errno.ENOPROTOOPT}
    assert never_asked(kernel) == "canary: Protocol not available"
    assert kernel.opened[0].bound is None
