"""Findings turned on and off on the real kernel, by its settings and by real sockets.

Two need what no network namespace has: tcp_tw_recycle needs an old kernel, a crowded conntrack
table a limit that only the initial namespace sets. A fake /proc has them.
"""

import socket
import struct
import time
from pathlib import Path

import pytest

from tcp_pressure_exporter.sample.sample import FINDINGS
from tests.support.fakes.fake_host import FakeHost
from tests.support.labs.conntrack_entry import track_connection
from tests.support.labs.findings_lab import (
    PATIENCE_SECONDS,
    await_count,
    counted,
    found,
    leave_time_wait_of_the_future,
    reconnect,
)
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, open_observer, time_wait_here
from tests.support.labs.network_namespace import add_address, set_sysctl, shorten_reuse_delay

IPV4 = Path("/proc/sys/net/ipv4")
CORE = Path("/proc/sys/net/core")
NETFILTER = Path("/proc/sys/net/netfilter")
FAKE_IPV4, FAKE_NETFILTER = "sys/net/ipv4", "sys/net/netfilter"


def test_fresh_namespace(observer: Observer) -> None:
    """The kernel's own defaults give no finding."""
    assert found(observer) == {}


@pytest.mark.parametrize(
    ("finding", "sysctl", "bad", "good"),
    [
        ("timestamps_disabled", "tcp_timestamps", 0, 1),
        ("syncookies_disabled", "tcp_syncookies", 0, 1),
        ("abort_on_overflow_enabled", "tcp_abort_on_overflow", 1, 0),
        ("fin_timeout_lowered", "tcp_fin_timeout", 59, 60),
        ("retries2_lowered", "tcp_retries2", 7, 8),
        ("odd_port_range", "ip_local_port_range", "40000 40010", "40000 40009"),
    ],
)
def test_setting(observer: Observer, finding: str, sysctl: str, bad: object, good: object) -> None:
    """A harmful setting is found, and the better one is not."""
    set_sysctl(sysctl, bad)
    assert list(found(observer)) == [finding]
    set_sysctl(sysctl, good)
    assert found(observer) == {}


def test_max_tw_buckets_lowered(observer: Observer) -> None:
    """One less than the kernel's own choice is found; more than that is not."""
    chosen = int((IPV4 / "tcp_max_tw_buckets").read_text())
    set_sysctl("tcp_max_tw_buckets", chosen - 1)
    assert list(found(observer)) == ["max_tw_buckets_lowered"]
    set_sysctl("tcp_max_tw_buckets", chosen * 2)
    assert found(observer) == {}


def test_tw_reuse_without_timestamps(observer: Observer) -> None:
    """tcp_tw_reuse = 1 without timestamps is found; with them it is not."""
    set_sysctl("tcp_tw_reuse", 1)
    set_sysctl("tcp_timestamps", 0)
    assert list(found(observer)) == ["tw_reuse_without_timestamps", "timestamps_disabled"]
    set_sysctl("tcp_timestamps", 1)
    assert found(observer) == {}


def test_tw_reuse_delay_lowered(observer: Observer) -> None:
    """A shorter delay is found if tcp_tw_reuse is 1."""
    set_sysctl("tcp_tw_reuse_delay", 999)
    assert found(observer) == {}
    set_sysctl("tcp_tw_reuse", 1)
    assert list(found(observer)) == ["tw_reuse_delay_lowered"]
    set_sysctl("tcp_tw_reuse_delay", 1000)
    assert found(observer) == {}


def test_listener_in_port_range(lab: Lab, observer: Observer) -> None:
    """A listener inside the range is named; reserving its port is the cure."""
    set_sysctl("ip_local_port_range", "40000 40009")
    lab.listen("127.0.0.1", 40005)
    detail = found(observer)["listener_in_port_range"]
    assert detail.startswith("port 40005")
    set_sysctl("ip_local_reserved_ports", "40005")
    assert found(observer) == {}


def close_first(lab: Lab, count: int, remote: str = "127.0.0.9", local: str = "127.0.0.1") -> None:
    """Leave connections to the server in TIME_WAIT, so that their ports cannot be taken over."""
    set_sysctl("tcp_tw_reuse", 0)
    for pair in [lab.connect(remote, local) for _ in range(count)]:
        time_wait_here(pair)


def test_pressure_of_time_wait(lab: Lab, observer: Observer) -> None:
    """A pool more than half full of TIME_WAIT gives two findings; tcp_tw_reuse cures both."""
    set_sysctl("ip_local_port_range", "40000 40039")
    close_first(lab, 30)
    details = found(observer)
    assert sorted(details) == ["port_range_too_small", "tw_reuse_off_under_pressure"]
    assert details["tw_reuse_off_under_pressure"] == (
        "127.0.0.1 → 127.0.0.9:9000: 30 of 40 ports in TIME_WAIT, net.ipv4.tcp_tw_reuse = 0"
    )
    delay = shorten_reuse_delay()
    set_sysctl("tcp_tw_reuse", 2)  # enough on loopback
    time.sleep(delay)
    assert found(observer) == {}


def test_pressure_beyond_loopback(lab: Lab, observer: Observer) -> None:
    """The default tcp_tw_reuse = 2 leaves other addresses under pressure."""
    add_address("10.1.0.1/32")
    set_sysctl("ip_local_port_range", "40000 40039")
    close_first(lab, 30, "10.1.0.1", "10.1.0.1")
    set_sysctl("tcp_tw_reuse", 2)
    assert "tw_reuse_off_under_pressure" in found(observer)
    set_sysctl("tcp_tw_reuse", 1)
    assert "tw_reuse_off_under_pressure" not in found(observer)


def test_full_of_live_connections(lab: Lab, observer: Observer) -> None:
    """A pool full of open connections is too small, and tcp_tw_reuse is no cure for it."""
    set_sysctl("tcp_tw_reuse", 0)
    set_sysctl("ip_local_port_range", "40000 40009")
    pairs = [lab.connect("127.0.0.9") for _ in range(10)]
    assert found(observer) == {
        "port_range_too_small": "127.0.0.1 → 127.0.0.9:9000 has 10 local ports; 10 are in use"
    }
    for client, _accepted in pairs[4:]:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        client.close()  # with a reset: no TIME_WAIT
    assert found(observer) == {}


def test_load_that_fits(lab: Lab, observer: Observer) -> None:
    """A burst of closes in a pool with much room is not a finding."""
    set_sysctl("ip_local_port_range", "40000 40099")
    close_first(lab, 30)
    assert found(observer) == {}


def test_bind_before_connect(lab: Lab, observer: Observer) -> None:
    """Ports of sockets that bound before they connected are found, and those of others are not."""
    set_sysctl("tcp_tw_reuse", 0)
    set_sysctl("ip_local_port_range", "40000 40039")
    for _ in range(15):
        lab.connect("127.0.0.9")
    assert found(observer) == {}
    for _ in range(4):
        lab.bind("127.0.0.1", 0).connect(("127.0.0.9", SERVER_PORT))
    with open_observer() as fresh:  # the other one's estimate is a mean over a minute
        assert found(fresh) == {"bind_before_connect": "about 4 of 40 local ports"}


def test_somaxconn_below_backlog(observer: Observer) -> None:
    """A service (the lab's) whose queue is longer than somaxconn now allows is found."""
    before = int((CORE / "somaxconn").read_text())
    (CORE / "somaxconn").write_text("100")
    assert found(observer)["somaxconn_below_backlog"].startswith("net.core.somaxconn = 100; ")
    (CORE / "somaxconn").write_text(str(before))
    assert found(observer) == {}


def test_queue_that_was_cut(lab: Lab, observer: Observer) -> None:
    """A queue as long as somaxconn is found while it is half full."""
    lab.server4.close()
    lab.server6.close()
    (CORE / "somaxconn").write_text("8")
    service = lab.listen("127.0.0.1", SERVER_PORT)  # asks for more
    assert found(observer) == {}
    for _ in range(4):
        lab.keep(socket.create_connection(("127.0.0.1", SERVER_PORT)))
    assert found(observer) == {
        "somaxconn_below_backlog": "net.core.somaxconn = 8; 127.0.0.1 port 9000 has a queue of 8"
    }
    lab.keep(service.accept()[0])
    assert found(observer) == {}


@pytest.mark.parametrize("rfc1337", [1, 0])
def test_rfc1337_rejections(lab: Lab, observer: Observer, rfc1337: int) -> None:
    """A reconnect that TIME_WAIT rejects never succeeds with tcp_rfc1337, and soon without it."""
    set_sysctl("tcp_rfc1337", rfc1337)
    port = leave_time_wait_of_the_future(lab)
    assert found(observer) == {}
    client = reconnect(lab, port)
    if rfc1337:
        await_count("TCPACKSkippedTimeWait")
        # As often as it was rejected by now, it may be more than chance.
        assert found(observer).keys() - {"time_wait_rejections"} == {"rfc1337_rejections"}
        with pytest.raises(OSError, match="not connected"):
            client.getpeername()
    else:
        lab.server4.settimeout(PATIENCE_SECONDS)
        lab.keep(lab.server4.accept()[0])
        assert counted("PAWSTimewait", "PAWSEstab") == 1  # the latter before Linux 6.16
        assert found(observer) == {}


def test_conntrack_time_wait_shortened(observer: Observer) -> None:
    """A shorter timeout is found if a connection is tracked."""
    timeout = NETFILTER / "nf_conntrack_tcp_timeout_time_wait"
    timeout.write_text("59")
    assert found(observer) == {}
    track_connection(("10.0.0.7", 50000), ("10.0.0.9", 443))
    assert list(found(observer)) == ["conntrack_time_wait_shortened"]
    timeout.write_text("60")
    assert found(observer) == {}


def test_conntrack_established_below_keepalive(observer: Observer) -> None:
    """A timeout as long as the wait for the first keepalive is found; a longer one is not."""
    timeout = NETFILTER / "nf_conntrack_tcp_timeout_established"
    timeout.write_text("7200")
    assert found(observer) == {}
    track_connection(("10.0.0.7", 50000), ("10.0.0.9", 443))
    assert list(found(observer)) == ["conntrack_established_below_keepalive"]
    timeout.write_text("7440")
    assert found(observer) == {}


def found_on(host: FakeHost) -> set[str]:
    findings = host.take().outcome(FINDINGS)
    assert findings is not None
    return {state.finding.name for state in findings.get() if state.detail}


def test_tw_recycle_enabled(tmp_path: Path) -> None:
    """The setting of kernels before 4.12 is found if it is on."""
    host = FakeHost(tmp_path)
    host.procfs.write(f"{FAKE_IPV4}/tcp_tw_recycle", "1\n")
    assert "tw_recycle_enabled" in found_on(host)
    host.procfs.write(f"{FAKE_IPV4}/tcp_tw_recycle", "0\n")
    assert "tw_recycle_enabled" not in found_on(host)


def test_conntrack_established_too_long(tmp_path: Path) -> None:
    """The default timeout of five days is found once the table is half full."""
    host = FakeHost(tmp_path)
    host.procfs.write(f"{FAKE_NETFILTER}/nf_conntrack_tcp_timeout_established", "432000\n")
    host.procfs.write(f"{FAKE_NETFILTER}/nf_conntrack_max", "262144\n")
    for count, crowded in ((131072, True), (131071, False)):
        host.procfs.write(f"{FAKE_NETFILTER}/nf_conntrack_count", f"{count}\n")
        assert ("conntrack_established_too_long" in found_on(host)) is crowded
