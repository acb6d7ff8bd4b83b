"""The bind() and listen() calls that a real kernel refuses, counted if it lets us."""

import errno
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.failures import (
    BIND,
    BIND_FAILURES,
    CONNECT_FAILURES,
    NO_PORT,
    NOBODY,
    PORT_TAKEN,
    FailureCounts,
)
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.port_failures import PortFailures, open_port_failures
from tests.support.labs.lab import SERVER_PORT, Lab, open_lab
from tests.support.labs.network_namespace import network_namespace, set_sysctl

TAKEN = errno.EADDRINUSE


@pytest.mark.bpf
def test_counted_or_missing(netns: None) -> None:  # noqa: ARG001 - it is asked in one of the test's own
    """If bind() failures cannot be seen here, the reason is given, and connect() is counted."""
    found = open_port_failures()
    assert not isinstance(found, Missing), found.reason
    with closing(found):
        kinds = found.port_failures().kinds
        if found.no_binds is None:
            assert kinds == CONNECT_FAILURES + BIND_FAILURES
        else:
            assert found.no_binds.startswith("BPF object bind_failures: E")
            assert kinds == CONNECT_FAILURES


@pytest.fixture
def counting(netns: None) -> Iterator[PortFailures]:  # noqa: ARG001 - with ports of its own
    """Count what this process does too."""
    set_sysctl("ip_local_port_range", "40000 40003")
    found = open_port_failures()
    assert not isinstance(found, Missing), found.reason
    with closing(found):
        yield found


def binds(found: FailureCounts) -> dict[tuple[str, str, int], int]:
    """Add up the failures of bind() by cause, local address and port."""
    sums: dict[tuple[str, str, int], int] = {}
    for failure, number in found.rows.items():
        if failure.kind.call == BIND:
            assert failure.remote_address == NOBODY
            local = socket.inet_ntop(socket.AF_INET6, failure.local_address)
            key = failure.kind.cause, local, failure.port
            sums[key] = sums.get(key, 0) + number
    return sums


def bind(lab: Lab, address: str, port: int = 0, *options: int) -> int:
    """Bind another socket and return 0 or the errno."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    sock = lab.keep(socket.socket(family))
    for option in options:
        sock.setsockopt(socket.SOL_SOCKET, option, 1)
    try:
        sock.bind((address, port))
    except OSError as error:
        return error.errno or 0
    return 0


@pytest.mark.fexit
def test_no_port(counting: PortFailures) -> None:
    """Each bind() to port 0 that finds no port counts once: IPv4, IPv6, v4-mapped."""
    with open_lab() as lab:
        assert [bind(lab, "127.0.0.1") for _ in range(7)] == [0] * 4 + [TAKEN] * 3
        assert [bind(lab, "::1") for _ in range(6)] == [0] * 4 + [TAKEN] * 2
        assert bind(lab, "::ffff:127.0.0.1") == TAKEN
        found = counting.port_failures()
    assert binds(found) == {
        (NO_PORT, "::ffff:127.0.0.1", 0): 4,
        (NO_PORT, "::1", 0): 2,
    }
    comm = Path("/proc/self/comm").read_text().rstrip("\n")
    assert {failure.process for failure in found.rows} == {comm}


@pytest.mark.fexit
def test_port_taken(counting: PortFailures) -> None:
    """A port that another socket has counts as taken, at bind() and at the second listen()."""
    with open_lab() as lab:
        assert bind(lab, "127.0.0.5", SERVER_PORT) == TAKEN  # the lab listens at 0.0.0.0
        assert bind(lab, "::1", SERVER_PORT) == TAKEN
        first, second = (lab.keep(socket.socket()) for _ in range(2))
        for sock in (first, second):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind(("127.0.0.1", 40001))
        first.listen()
        with pytest.raises(OSError, match="in use"):
            second.listen()
        assert binds(counting.port_failures()) == {
            (PORT_TAKEN, "::ffff:127.0.0.5", SERVER_PORT): 1,
            (PORT_TAKEN, "::1", SERVER_PORT): 1,
            (PORT_TAKEN, "::ffff:127.0.0.1", 40001): 1,
        }


@pytest.mark.fexit
def test_listen_without_bind(counting: PortFailures) -> None:
    """listen() on an unbound socket wants any port, but finds none."""
    with open_lab() as lab:
        for _ in range(4):
            lab.keep(socket.socket()).listen()
        with pytest.raises(OSError, match="in use"):
            lab.keep(socket.socket()).listen()
        assert binds(counting.port_failures()) == {(NO_PORT, "::ffff:0.0.0.0", 0): 1}


@pytest.mark.fexit
def test_what_is_no_lack_of_ports(counting: PortFailures) -> None:
    """A foreign address, a second bind(), UDP, and connect(): none of them counts as bind()."""
    with open_lab() as lab:
        assert bind(lab, "192.0.2.1") == errno.EADDRNOTAVAIL
        bound = lab.bind("127.0.0.1", 40000)
        with pytest.raises(OSError, match="Invalid"):
            bound.bind(("127.0.0.1", 40001))
        lab.keep(socket.socket(type=socket.SOCK_DGRAM)).bind(("127.0.0.1", 40002))
        with pytest.raises(OSError, match="in use"):
            lab.keep(socket.socket(type=socket.SOCK_DGRAM)).bind(("127.0.0.1", 40002))
        assert lab.connect_until_full("127.0.0.9") == 3
        found = counting.port_failures()
    assert binds(found) == {}
    assert [(failure.kind, count) for failure, count in found.rows.items()] == [
        (CONNECT_FAILURES[0], 1)
    ]


@pytest.mark.fexit
def test_other_namespaces(counting: PortFailures) -> None:
    """Failures in a namespace count from its first sample on, and are shown only there."""
    with network_namespace(), open_lab() as lab:
        assert bind(lab, "127.0.0.5", SERVER_PORT) == TAKEN
        assert counting.port_failures().rows == {}
        assert bind(lab, "127.0.0.5", SERVER_PORT) == TAKEN
        assert sum(counting.port_failures().rows.values()) == 1
    assert counting.port_failures().rows == {}


@pytest.mark.fexit
def test_random_calls(counting: PortFailures) -> None:
    """Of 400 calls with every option and port, exactly those that return EADDRINUSE count."""
    options = ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,))
    refused = 0
    with open_lab() as lab:
        for number in range(400):
            address = ("127.0.0.1", "127.0.0.7", "0.0.0.0", "::1", "::")[number % 5]
            port = (0, 40000, 40001, SERVER_PORT)[number % 4]
            refused += bind(lab, address, port, *options[number % 3]) == TAKEN
        assert 0 < refused < 400
        assert sum(binds(counting.port_failures()).values()) == refused
