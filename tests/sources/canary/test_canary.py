"""The canary against a scripted socket; tests/real_kernel/test_canary.py has the real ones."""

import errno
import os
import socket
from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_range, port_set
from tcp_pressure_exporter.facts.questions import CanaryAnswer
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.sources.canary.canary import Canary
from tests.support.fakes.fake_tcp_socket import LOCAL_PORT_RANGE, V4, V6, FakeKernel


def test_found() -> None:
    """A port that was found is a success, with the time of the search."""
    assert FakeKernel().whole_range() == CanaryAnswer(success=True, seconds=0.25, reason="")


def test_exhausted() -> None:
    """EADDRNOTAVAIL of connect() is a failure, with the time of the search."""
    kernel = FakeKernel()
    kernel.connect = lambda _port: errno.EADDRNOTAVAIL
    verdict = kernel.whole_range()
    assert (verdict.success, verdict.seconds) == (False, 0.25)
    assert verdict.reason == "connect(): EADDRNOTAVAIL: Cannot assign requested address"


@pytest.mark.parametrize(
    "number", [errno.ENETUNREACH, errno.EHOSTUNREACH, errno.EACCES, errno.EPERM]
)
def test_another_refusal(number: int) -> None:
    """Any other error of connect() is neither, and is named; no search was made."""
    kernel = FakeKernel()
    kernel.connect = lambda _port: number
    reason = f"connect(): {errno.errorcode[number]}: {os.strerror(number)}"
    assert kernel.whole_range() == CanaryAnswer(success=None, seconds=None, reason=reason)


@pytest.mark.parametrize("number", [errno.EADDRNOTAVAIL, errno.EACCES, errno.EPERM])
def test_bind_refused(number: int) -> None:
    """A local address that bind() refuses is no exhaustion, whatever the errno."""
    kernel = FakeKernel()
    kernel.bind_error = number
    reason = f"bind(): {errno.errorcode[number]}: {os.strerror(number)}"
    assert kernel.whole_range() == CanaryAnswer(success=None, seconds=None, reason=reason)
    assert kernel.asked == []


@pytest.mark.parametrize("ends", [("fe80::1", "2001:db8::2"), ("2001:db8::1", "febf::2")])
def test_link_local(ends: tuple[str, str]) -> None:
    """Link-local addresses are not asked for: the interface is not known."""
    kernel = FakeKernel()
    local, remote = (ip_address(end).packed for end in ends)
    verdict = kernel.whole_range(PoolKey(local, remote, b"\1\2"))
    assert (verdict.success, verdict.seconds) == (None, None)
    assert "link-local" in verdict.reason
    assert kernel.opened == []


def test_site_local_is_not_link_local() -> None:
    """The prefix of link-local addresses has ten bits: fec0:: is beyond it."""
    kernel = FakeKernel()
    assert kernel.whole_range(PoolKey(V6[0], ip_address("fec0::2").packed, b"\1\2")).success


@pytest.mark.parametrize("number", [errno.EINPROGRESS, errno.ECONNREFUSED])
def test_escaped(number: int) -> None:
    """After a SYN has left, the canary is off for good and says why; it opens no more sockets."""
    kernel = FakeKernel()
    kernel.connect = lambda _port: number
    expected = rf"^canary: off because connect\(\) sent a SYN \({errno.errorcode[number]}: "
    with pytest.raises(SourceError, match=expected):
        kernel.whole_range()
    kernel.connect = lambda _port: 0
    for _ in range(3):
        with pytest.raises(SourceError, match=expected):
            kernel.whole_range()
        with pytest.raises(SourceError, match=expected):
            kernel.single_ports(port_range(40_000, 40_009))
    assert len(kernel.opened) == 1


@pytest.mark.parametrize("number", [errno.EMFILE, errno.EAFNOSUPPORT])
def test_no_socket(number: int) -> None:
    """A socket that the kernel does not give is the source's error."""

    def refuse(_family: int) -> socket.socket:
        raise OSError(number, os.strerror(number))

    with pytest.raises(SourceError, match=f"^canary: {os.strerror(number)}$"):
        Canary(open_socket=refuse).probe(V4, reuse=False, free_ports=0)


def test_single_port_found() -> None:
    """The first port that works is a success; no more are asked, and no time is reported."""
    kernel = FakeKernel()
    free_ports = port_range(40_000, 40_999)
    assert kernel.single_ports(free_ports) == CanaryAnswer(success=True, seconds=None, reason="")
    [port] = kernel.asked
    assert port in range(40_000, 41_000)


def test_single_ports_refused() -> None:
    """Eight different free ports are asked; if none works that is no failure, only unknown."""
    kernel = FakeKernel()
    kernel.connect = lambda _port: errno.EADDRNOTAVAIL
    free_ports = port_set(range(40_000, 41_000, 3))
    verdict = kernel.single_ports(free_ports)
    assert (verdict.success, verdict.seconds) == (None, None)
    assert verdict.reason == "8 ports without a socket of this address were refused"
    assert len(set(kernel.asked)) == len(kernel.asked) == 8
    assert set(kernel.asked) <= set(range(40_000, 41_000, 3))


@given(st.sets(st.integers(1, 65_535), min_size=1, max_size=8), st.data())
def test_the_one_that_works(ports: set[int], data: st.DataObject) -> None:
    """Of up to eight ports the one that works is found, and no other port is ever asked."""
    kernel = FakeKernel()
    free = data.draw(st.sampled_from(sorted(ports)))
    kernel.connect = lambda port: 0 if port == free else errno.EADDRNOTAVAIL
    assert kernel.single_ports(port_set(ports)).success
    assert set(kernel.asked) <= ports
    assert kernel.asked[-1] == free


def test_every_port_has_its_chance() -> None:
    """Any free port may be among those asked (one of 16 is missed with (15/16)^400 < 1e-11)."""
    kernel = FakeKernel()
    for _ in range(400):
        kernel.single_ports(port_range(50_000, 50_015))
    assert set(kernel.asked) == set(range(50_000, 50_016))


def test_no_free_port() -> None:
    """Without a free port the kernel is not asked: it would take over a TIME_WAIT entry."""
    kernel = FakeKernel()
    verdict = kernel.single_ports(0)
    assert (verdict.success, verdict.seconds) == (None, None)
    assert "TIME_WAIT" in verdict.reason
    assert kernel.opened == []


def test_single_port_unreachable() -> None:
    """An error that is not about the port ends the search at the first port."""
    kernel = FakeKernel()
    kernel.connect = lambda _port: errno.ENETUNREACH
    verdict = kernel.single_ports(port_range(40_000, 40_009))
    assert verdict.success is None
    assert verdict.reason == "connect(): ENETUNREACH: Network is unreachable"
    assert len(kernel.asked) == 1


def test_outside_the_range() -> None:
    """If the kernel chose another port than asked for, the range has changed."""
    kernel = FakeKernel()
    kernel.chosen = 50_000
    verdict = kernel.single_ports(1 << 40_000)
    assert verdict.success is None
    assert verdict.reason == "asked for port 40000, got 50000: the range has changed"


def test_kernel_without_single_ports() -> None:
    """A kernel before 6.3 is not asked for single ports: it would search the whole range."""
    kernel = FakeKernel()
    kernel.refused = {LOCAL_PORT_RANGE: errno.ENOPROTOOPT}
    verdict = kernel.single_ports(port_range(40_000, 40_009))
    assert verdict.success is None
    assert verdict.reason == "IP_LOCAL_PORT_RANGE (Linux 6.3): ENOPROTOOPT: Protocol not available"
    assert kernel.asked == []
