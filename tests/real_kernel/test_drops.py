"""What the kernel drops is in the verdict, by its own counters."""

import errno
import socket

import pytest

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.verdict.assessment import assess
from tests.support.labs.conntrack_listing import conntrack_counter
from tests.support.labs.findings_lab import counted, found
from tests.support.labs.gateway_lab import SERVER, open_gateway_lab, snat
from tests.support.labs.lab import Lab, Observer, open_observer
from tests.support.labs.network_namespace import set_sysctl


def connect(lab: Lab, port: int, times: int) -> None:
    """Begin connections; those for which the queue has no room stay unanswered."""
    for _ in range(times):
        client = lab.keep(socket.socket())
        client.setblocking(False)  # noqa: FBT003 - its only argument
        assert client.connect_ex(("127.0.0.1", port)) in {0, errno.EINPROGRESS}


def test_burst_at_a_listener(lab: Lab, observer: Observer) -> None:
    """Connections dropped at an accept queue are a warning, although the queue is empty again."""
    server = lab.listen("127.0.0.1", 9100)
    server.listen(2)
    assert found(observer) == {}
    connect(lab, 9100, 5)
    dropped = counted("ListenOverflows")
    assert dropped >= 2
    for _ in range(3):
        lab.keep(server.accept()[0])
    server.close()
    (detail,) = found(observer).values()
    assert detail.startswith(f"ListenOverflows rose by {dropped} in the last ")
    assert assess(observer.sample()).severity is Severity.WARNING


@pytest.mark.usefixtures("netns")
def test_time_wait_overflow(lab: Lab, observer: Observer) -> None:
    """Connections that close without TIME_WAIT are critical."""
    set_sysctl("tcp_max_tw_buckets", 0)
    assert "time_wait_overflows" not in found(observer)
    client, accepted = lab.connect("127.0.0.9")
    client.close()
    accepted.close()
    overflows = counted("TCPTimeWaitOverflow")
    assert overflows == 1
    detail = found(observer)["time_wait_overflows"]
    assert detail.startswith("TCPTimeWaitOverflow rose by 1 in the last ")
    assert assess(observer.sample()).severity is Severity.CRITICAL


def test_gateway_whose_range_nobody_told() -> None:
    """A gateway that drops connections is critical, however empty its pool seems."""
    with open_gateway_lab() as lab, open_observer() as observer:
        snat("masquerade to :40000-40009")
        for _ in range(10):
            lab.connect()
        calm = assess(observer.sample())
        assert (calm.severity, calm.findings) == (Severity.CALM, ())
        for _ in range(3):
            lab.start(SERVER)
        failed = conntrack_counter("insert_failed")
        assert failed >= 3
        told = found(observer)
        assert assess(observer.sample()).severity is Severity.CRITICAL
    assert list(told) == ["conntrack_drops", "conntrack_inserts_failed"]
    expected = f"nf_conntrack_insert_failed rose by {failed} in the last "
    assert told["conntrack_inserts_failed"].startswith(expected)
