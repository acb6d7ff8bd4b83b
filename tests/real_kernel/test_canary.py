"""The canary's verdict is that of a real connect() right after it, and costs no TIME_WAIT entry."""

import errno
import socket
import struct
import subprocess
import time

import pytest

from tcp_pressure_exporter.facts.questions import CanaryAnswer
from tcp_pressure_exporter.sources.procfs.resources import read_tcp_sockstat
from tests.support.labs.canary_lab import (
    HIGH,
    LOW,
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
from tests.support.labs.lab import SERVER_PORT, Lab, time_wait_here
from tests.support.labs.network_namespace import set_sysctl, shorten_reuse_delay


@pytest.fixture(autouse=True)
def small_range(lab: Lab) -> None:  # noqa: ARG001 - the namespace comes first
    """Give every test the range of 40 ports."""
    use_small_range()


@pytest.mark.parametrize("root", [True, False], ids=["root", "nobody"])
@pytest.mark.parametrize("reuse", [0, 1, 2])
@pytest.mark.parametrize("kind", ["IPv4", "v4-mapped", "IPv6"])
def test_like_a_real_connect(lab: Lab, kind: str, reuse: int, *, root: bool) -> None:
    """From the first port to the last and beyond, the verdict is what connect() does next."""
    set_sysctl("tcp_tw_reuse", reuse)
    key = POOL6 if kind == "IPv6" else POOL
    outcomes = []
    for _ in range(HIGH - LOW + 3):
        with privilege(root=root):
            verdict = whole_range(key)
        assert verdict.success is connects(lab, kind)
        assert verdict.seconds is not None
        outcomes.append(verdict.success)
    assert outcomes == [True] * 40 + [False] * 2


def connects(lab: Lab, kind: str) -> bool:
    """Make another connection to the server; tell whether it found a port."""
    remote, local = ("::1", "::1") if kind == "IPv6" else ("127.0.0.9", "127.0.0.1")
    try:
        lab.connect(remote, local, mapped=kind == "v4-mapped")
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def test_one_port_comes_free(lab: Lab) -> None:
    """One port that comes free in a full pool is found, whichever it is."""
    pairs = [lab.connect("127.0.0.9") for _ in range(HIGH - LOW + 1)]
    for client, accepted in pairs:
        assert whole_range().success is False
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # with a reset: no TIME_WAIT
        accepted.close()
        assert whole_range().success is True
        lab.connect("127.0.0.9")


def test_time_wait_that_nobody_may_take(lab: Lab) -> None:
    """A pool full of TIME_WAIT is full if tcp_tw_reuse is 0."""
    for pair in [lab.connect("127.0.0.9") for _ in range(HIGH - LOW + 1)]:
        time_wait_here(pair)
    assert whole_range().success is False
    assert not connects(lab, "IPv4")


def make_reclaimable(lab: Lab, count: int) -> int:
    """Leave TIME_WAIT entries that a connect() may take over; return the ports without one."""
    delay = shorten_reuse_delay()
    pairs = [lab.connect("127.0.0.9") for _ in range(count)]
    free_ports = RANGE
    for pair in pairs:
        free_ports &= ~(1 << pair[0].getsockname()[1])
        time_wait_here(pair)
    set_sysctl("tcp_tw_reuse", 1)
    time.sleep(delay)
    return free_ports


def time_wait_entries() -> int:
    return read_tcp_sockstat(PROCFS)["tw"]


def test_whole_range_takes_a_time_wait_over(lab: Lab) -> None:
    """The search of the whole range costs a TIME_WAIT entry: that is why the other form exists."""
    assert make_reclaimable(lab, 40) == 0
    before = counters()
    assert whole_range().success is True
    assert moved(before) == {"TcpExt:TWRecycled": 1}
    assert time_wait_entries() == 39


@pytest.mark.parametrize("root", [True, False], ids=["root", "nobody"])
def test_single_ports_leave_time_wait(lab: Lab, *, root: bool) -> None:
    """Asking for single ports succeeds at a free one, and all TIME_WAIT entries stay."""
    free_ports = make_reclaimable(lab, 36)
    before = counters()
    with privilege(root=root):
        for _ in range(50):
            assert single_ports(free_ports) == CanaryAnswer(success=True, seconds=None, reason="")
    assert moved(before) == {}
    assert time_wait_entries() == 36


def test_only_time_wait_is_left(lab: Lab) -> None:
    """If every port has a TIME_WAIT entry, nothing is said, and all entries stay."""
    assert single_ports(make_reclaimable(lab, 40)).success is None
    assert time_wait_entries() == 40


def test_hidden_ports(lab: Lab) -> None:
    """Ports of sockets that bound before they connected are refused, although a connect() succeeds.

    It takes over a TIME_WAIT entry, so refusals alone do not make a failure.
    """
    free_ports = make_reclaimable(lab, 37)
    for port in range(LOW, HIGH + 1):
        if free_ports >> port & 1:
            lab.bind("127.0.0.5", port).connect(("127.0.0.8", SERVER_PORT))
    verdict = single_ports(free_ports)
    assert verdict.success is None
    assert verdict.reason == "3 ports without a socket of this address were refused"
    assert time_wait_entries() == 37
    assert connects(lab, "IPv4")


def test_port_outside_the_range() -> None:
    """A port outside the sysctl's range is noticed: the kernel ignored the request."""
    verdict = single_ports(1 << 50000)
    assert verdict.success is None
    assert verdict.reason.startswith("asked for port 50000, got 40")


@pytest.mark.parametrize(
    ("route", "reason"),
    [
        (None, "connect(): ENETUNREACH"),
        ("unreachable", "connect(): EHOSTUNREACH"),
        ("prohibit", "connect(): EACCES"),
    ],
)
def test_no_way_there(route: str | None, reason: str) -> None:
    """If the route refuses, the verdict is unknown and names the kernel's reason."""
    if route:
        subprocess.run(["ip", "route", "add", route, "192.0.2.0/24"], check=True)
    verdict = whole_range(pool("127.0.0.1", "192.0.2.1"))
    assert (verdict.success, verdict.seconds) == (None, None)
    assert verdict.reason.startswith(f"{reason}: ")


@pytest.mark.parametrize("local", ["10.9.9.9", "2001:db8::9"])
def test_address_of_nobody(local: str) -> None:
    """A local address that is no longer here is not taken for a full pool."""
    verdict = whole_range(pool(local, "2001:db8::1" if ":" in local else "127.0.0.9"))
    assert (verdict.success, verdict.seconds) == (None, None)
    assert verdict.reason.startswith("bind(): EADDRNOTAVAIL: ")
