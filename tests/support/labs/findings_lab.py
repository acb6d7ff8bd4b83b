"""What the findings say about a real namespace, and TIME_WAIT entries that reject a reconnect."""

import errno
import socket
import time
from pathlib import Path

from tcp_pressure_exporter.sample.sample import FINDINGS
from tests.support.labs.lab import SERVER_PORT, Lab, Observer

PATIENCE_SECONDS = 10
# include/uapi/linux/tcp.h
TCP_REPAIR, TCP_REPAIR_ON, TCP_REPAIR_OFF = 19, 1, 0
TCP_TIMESTAMP = 24
AHEAD = 10**9  # ticks of a timestamp clock: newer than any that follows (RFC 7323, section 5.2)


def found(observer: Observer) -> dict[str, str]:
    """Return what was found, by finding; those that found nothing are left out."""
    findings = observer.sample().outcome(FINDINGS)
    assert findings is not None
    assert findings.error is None
    return {state.finding.name: state.detail for state in findings.get() if state.detail}


def leave_time_wait_of_the_future(lab: Lab) -> int:
    """Leave a TIME_WAIT entry at the server that has seen a timestamp far ahead; return the port.

    That is what the server sees when two clients behind one NAT address use a port in turn: their
    timestamp clocks have nothing to do with each other.
    """
    client, accepted = lab.connect("127.0.0.9")
    for end in (client, accepted):
        end.settimeout(PATIENCE_SECONDS)
    now = client.getsockopt(socket.IPPROTO_TCP, TCP_TIMESTAMP)
    client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_ON)
    client.setsockopt(socket.IPPROTO_TCP, TCP_TIMESTAMP, signed(now + AHEAD))
    client.setsockopt(socket.IPPROTO_TCP, TCP_REPAIR, TCP_REPAIR_OFF)
    client.sendall(b"x")
    assert accepted.recv(1) == b"x"
    port = int(client.getsockname()[1])
    accepted.close()
    assert client.recv(1) == b""
    client.close()
    return port


def signed(number: int) -> int:
    """Write the last 32 bits as the kernel's int."""
    return (number + 2**31) % 2**32 - 2**31


def reconnect(lab: Lab, port: int) -> socket.socket:
    """Start connecting to the server again from a port."""
    client = lab.keep(socket.socket())
    client.bind(("127.0.0.1", port))
    client.settimeout(0)
    assert client.connect_ex(("127.0.0.9", SERVER_PORT)) == errno.EINPROGRESS
    return client


def counted(*names: str) -> int:
    """Return the sum of some TcpExt counters; one that the kernel does not have counts as 0."""
    lines = Path("/proc/thread-self/net/netstat").read_text().splitlines()
    numbers = dict(zip(lines[0].split(), lines[1].split(), strict=True))
    return sum(int(numbers.get(name, "0")) for name in names)


def await_count(name: str) -> None:
    """Wait until a counter has counted something."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while counted(name) == 0:
        assert time.monotonic() < deadline, f"{name} stands still"
        time.sleep(0.01)
