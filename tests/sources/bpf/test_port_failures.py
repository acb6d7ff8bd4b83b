"""Reading the program's counts: recorded bytes, damaged ones, and a real kernel's."""

import errno
import socket
import struct
from collections.abc import Iterator
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.failures import (
    BIND_FAILURES,
    CONNECT,
    NO_PORT,
    NOBODY,
    PORT_TAKEN,
    FailureCounts,
    FailureKind,
    PortFailure,
)
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.sources.bpf.loading import BpfObject
from tcp_pressure_exporter.sources.bpf.port_failures import (
    PortFailures,
    open_port_failures,
    parse_counts,
)
from tcp_pressure_exporter.sources.canary.canary import Canary
from tests.support.fakes.bpf_calls import Unattachable
from tests.support.labs.lab import SERVER_PORT, Lab, open_lab
from tests.support.labs.network_namespace import network_namespace, set_sysctl
from tests.support.messages.socket_entries import sixteen_bytes

PROC = Path("/proc")
HERE, FAR = sixteen_bytes("10.0.0.2"), sixteen_bytes("10.0.0.9")
NO_PORTS, PORTS_TAKEN = FailureKind(CONNECT, NO_PORT), FailureKind(CONNECT, PORT_TAKEN)
PROGRAMS = {name: (f"count_{name}", "watch_caller") for name in ("port_failures", "bind_failures")}
NO_NAMESPACE = 1 << 31  # these numbers count up; no machine reaches this one


def row(netns: int, cause: int, name: bytes = b"envoy", call: int = 0) -> bytes:
    """Write a key in the form of the program's struct failure."""
    return struct.pack("=IBB2xQ16s16s16sH6x", netns, call, cause, 4711, HERE, FAR, name, 443)


def count(number: int) -> bytes:
    return struct.pack("=Q", number)


def test_counts() -> None:
    """Rows are returned by cause, caller and ends, and failures without room."""
    rows = [(row(7, 0), count(3)), (row(7, 1), count(1))]
    kinds = [(struct.pack("=IBB2x", 7, 0, 0), count(5))]
    assert parse_counts(rows, kinds, count(1)) == FailureCounts(
        rows={
            PortFailure(NO_PORTS, 4711, "envoy", HERE, FAR, 443): 3,
            PortFailure(PORTS_TAKEN, 4711, "envoy", HERE, FAR, 443): 1,
        },
        unnamed={NO_PORTS: 5},
        lost=1,
    )


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        (b"", ""),
        (b"sixteen-bytes-ab", "sixteen-bytes-ab"),
        (b"a\0b", "a"),
        (b'x"\n\\', 'x"\n\\'),
        (b"\xff\xfe", "\N{REPLACEMENT CHARACTER}" * 2),
    ],
)
def test_hostile_name(name: bytes, shown: str) -> None:
    """A process can have any name: it stays text, and bytes that are not UTF-8 are replaced."""
    [found] = parse_counts([(row(7, 0, name), count(1))], [], count(0)).rows
    assert found.process == shown


@given(st.lists(st.tuples(st.binary(max_size=90), st.binary(max_size=12))), st.binary(max_size=12))
def test_damaged(rows: list[tuple[bytes, bytes]], lost: bytes) -> None:
    """Whatever bytes come, the answer is counts or a SourceError."""
    with suppress(SourceError):
        parse_counts(rows, [], lost)


def test_bind() -> None:
    """A bind() has no remote end, and its port is the one requested."""
    counts = parse_counts([(row(7, 1, call=1), count(2))], [], count(0))
    taken = PortFailure(BIND_FAILURES[1], 4711, "envoy", HERE, NOBODY, 443)
    assert counts.rows == {taken: 2}


@pytest.mark.parametrize("key", [row(7, 2), row(7, 0, call=2)])
def test_unknown_kind(key: bytes) -> None:
    """An unknown call or cause is an error, not mistaken for another."""
    with pytest.raises(SourceError, match="cannot be read"):
        parse_counts([(key, count(1))], [], count(0))


def test_refused_at_the_attachment() -> None:
    """If the program loads but cannot be attached, it is released, and the reason is given."""
    closed: list[int] = []
    calls = Unattachable(PROGRAMS)
    made = open_port_failures(lambda name: BpfObject(name, calls, closed.append))
    assert made == Missing("BPF object port_failures: EINVAL: Invalid argument")
    assert sorted(closed) == [10, 11]


def test_refused_at_the_function() -> None:
    """If only tracepoints can be used, connect() counts, and the reason is given for bind()."""
    closed: list[int] = []
    calls = Unattachable(PROGRAMS, attachable=10)
    made = open_port_failures(lambda name: BpfObject(name, calls, closed.append))
    assert not isinstance(made, Missing)
    assert made.no_binds == "BPF object bind_failures: EINVAL: Invalid argument"
    assert sorted(closed) == [20, 21]
    made.close()
    assert sorted(closed) == [10, 11, 20, 21, 110]


@pytest.fixture
def counting(netns: None) -> Iterator[PortFailures]:  # noqa: ARG001 - with ports of its own
    """Count, in a namespace with ten ports."""
    set_sysctl("ip_local_port_range", "40000 40009")
    set_sysctl("tcp_tw_reuse", 0)
    found = open_port_failures()
    assert not isinstance(found, Missing), found.reason
    with closing(found):
        yield found


def kinds(found: FailureCounts) -> dict[tuple[str, str], int]:
    """Add rows up by cause and remote address."""
    sums: dict[tuple[str, str], int] = {}
    for failure, number in found.rows.items():
        key = failure.kind.cause, socket.inet_ntop(socket.AF_INET6, failure.remote_address)
        sums[key] = sums.get(key, 0) + number
    return sums


def try_to_connect(lab: Lab, times: int, remote: str) -> int:
    """Return how many of `times` calls found no port."""
    family = socket.AF_INET6 if ":" in remote else socket.AF_INET
    refused = 0
    for _ in range(times):
        client = lab.keep(socket.socket(family))
        refused += client.connect_ex((remote, SERVER_PORT)) == errno.EADDRNOTAVAIL
    return refused


@pytest.mark.bpf
def test_every_refusal(counting: PortFailures) -> None:
    """Each refused connect() counts once: IPv4, IPv6, v4-mapped, by its remote end."""
    with open_lab() as lab:
        assert try_to_connect(lab, 25, "127.0.0.9") == 15
        assert try_to_connect(lab, 12, "127.0.0.8") == 2
        assert try_to_connect(lab, 13, "::1") == 3
        assert try_to_connect(lab, 4, "::ffff:127.0.0.9") == 4
        found = counting.port_failures()
    assert kinds(found) == {
        (NO_PORT, "::ffff:127.0.0.9"): 19,
        (NO_PORT, "::ffff:127.0.0.8"): 2,
        (NO_PORT, "::1"): 3,
    }
    assert {failure.port for failure in found.rows} == {SERVER_PORT}
    comm = Path("/proc/self/comm").read_text().rstrip("\n")
    assert {failure.process for failure in found.rows} == {comm}
    assert (found.unnamed, found.lost) == ({}, 0)


@pytest.mark.bpf
def test_port_taken(counting: PortFailures) -> None:
    """A bound socket whose 4-tuple exists is refused for another cause."""
    with open_lab() as lab:
        clients = [lab.keep(socket.socket()) for _ in range(2)]
        for client in clients:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            client.bind(("127.0.0.1", 40001))
        results = [client.connect_ex(("127.0.0.9", SERVER_PORT)) for client in clients]
        assert results == [0, errno.EADDRNOTAVAIL]
        assert kinds(counting.port_failures()) == {(PORT_TAKEN, "::ffff:127.0.0.9"): 1}


@pytest.mark.bpf
def test_what_is_no_lack_of_ports(counting: PortFailures) -> None:
    """Refused, unreachable, given up, deferred, and UDP: none of them counts."""
    with open_lab() as lab:
        for _ in range(5):
            assert lab.keep(socket.socket()).connect_ex(("127.0.0.1", 1)) == errno.ECONNREFUSED
            unreachable = lab.keep(socket.socket(socket.AF_INET6))
            assert unreachable.connect_ex(("2001:db8::1", 80)) == errno.ENETUNREACH
            put_off = lab.keep(socket.socket())
            put_off.setsockopt(socket.IPPROTO_TCP, 30, 1)  # TCP_FASTOPEN_CONNECT
            assert put_off.connect_ex(("127.0.0.9", SERVER_PORT)) == 0
            put_off.close()
        for _ in range(15):
            lab.keep(socket.socket(type=socket.SOCK_DGRAM)).connect_ex(("127.0.0.9", SERVER_PORT))
        assert counting.port_failures().rows == {}


@pytest.mark.bpf
def test_reused_socket(counting: PortFailures) -> None:
    """A socket that a remote refuses, and that then finds no port, counts for the latter."""
    with open_lab() as lab:
        reused = lab.keep(socket.socket())
        assert reused.connect_ex(("127.0.0.1", 1)) == errno.ECONNREFUSED
        assert lab.connect_until_full("127.0.0.9") == 10
        assert reused.connect_ex(("127.0.0.9", SERVER_PORT)) == errno.EADDRNOTAVAIL
        found = counting.port_failures()
    # connect_until_full ended with a failure, too.
    assert kinds(found) == {(NO_PORT, "::ffff:127.0.0.9"): 2}


@pytest.mark.bpf
def test_canary(counting: PortFailures) -> None:
    """A canary's refused searches are not an application's, whichever process makes them."""
    with open_lab() as lab:
        assert lab.connect_until_full("127.0.0.9") == 10
        port = SERVER_PORT.to_bytes(2)
        full = PoolKey(sixteen_bytes("127.0.0.1"), sixteen_bytes("127.0.0.9"), port)
        assert Canary(PROC).probe(full, reuse=False, free_ports=0).success is False
        assert Canary(PROC).probe(full, reuse=True, free_ports=0b11 << 40000).success is None
        found = counting.port_failures()
    # connect_until_full ended with a failure.
    assert kinds(found) == {(NO_PORT, "::ffff:127.0.0.9"): 1}


@pytest.mark.bpf
def test_other_namespaces(counting: PortFailures) -> None:
    """Failures in a namespace count from its first sample on, and are shown only there."""
    with network_namespace(), open_lab() as lab:
        set_sysctl("ip_local_port_range", "40000 40001")
        assert try_to_connect(lab, 5, "127.0.0.9") == 3
        assert counting.port_failures().rows == {}
        assert try_to_connect(lab, 4, "127.0.0.9") == 4
        assert sum(counting.port_failures().rows.values()) == 4
    assert counting.port_failures().rows == {}


@pytest.mark.bpf
def test_full_table(counting: PortFailures) -> None:
    """Beyond 4,096 rows, failures count without a name, and none is lost."""
    with open_lab() as lab:
        assert lab.connect_until_full("127.0.0.9") == 10
        # Listeners on every port leave none free, whatever the remote port.
        for port in range(40000, 40010):
            lab.listen("127.0.0.2", port)
        client = lab.keep(socket.socket())
        for port in range(1, 4201):
            assert client.connect_ex(("127.0.0.9", port)) == errno.EADDRNOTAVAIL
        found = counting.port_failures()
    assert len(found.rows) <= 4096  # other namespaces of the host may have some
    assert sum(found.rows.values()) + found.unnamed[NO_PORTS] == 4201


@pytest.mark.bpf
def test_no_room_at_all(counting: PortFailures) -> None:
    """If 1,024 kinds of other namespaces fill the second table too, losses are counted."""
    loaded = counting._connects._loaded  # noqa: SLF001 - real rows would take minutes
    update = loaded.update
    for number in range(4096):
        update("failures", row(NO_NAMESPACE, 0, b"%d" % number), count(1))
    for number in range(1024):
        update("overflow", struct.pack("=IBB2x", NO_NAMESPACE + number, 0, 0), count(1))
    with open_lab() as lab:
        assert try_to_connect(lab, 13, "127.0.0.9") == 3
        found = counting.port_failures()
    assert (found.rows, found.unnamed, found.lost) == ({}, {}, 3)
