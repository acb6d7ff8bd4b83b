import socket
import struct
import time
from collections.abc import Iterable

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import PoolTally
from tcp_pressure_exporter.sources.conntrack.table import ConntrackSocket, open_conntrack_socket
from tcp_pressure_exporter.sources.counting import compiled as compiled_tally
from tcp_pressure_exporter.sources.counting.parser import Parser, compiled_parser, readable_parser
from tcp_pressure_exporter.sources.netlink.ctnetlink import encode_nat_request
from tcp_pressure_exporter.sources.netlink.socket import Dump
from tests.sources.counting.counting import key
from tests.sources.counting.nat_counting import EVERY_POOL
from tests.support.fakes.fake_netlink_socket import Cut, FakeNetlinkSocket, Reply, Request
from tests.support.fakes.tallies import counts
from tests.support.labs.canary_lab import privilege
from tests.support.labs.conntrack_entry import track_connection
from tests.support.messages.conntrack_messages import Connection, dump_of_entries, entry
from tests.support.messages.datagrams import SEQUENCE, error

FLOW = Connection(("10.0.0.7", 50000), ("203.0.113.9", 443), ("198.51.100.1", 40000))
POOL = key("198.51.100.1", "203.0.113.9", 443)


@pytest.fixture(params=[readable_parser, compiled_parser])
def parser(request: pytest.FixtureRequest) -> Parser:
    found = request.param()
    assert isinstance(found, Parser)
    return found


def ask(conntrack: ConntrackSocket, parser: Parser) -> PoolTally:
    return conntrack.ask(lambda dump: parser.tally_nat(dump, EVERY_POOL))


def kernel(*replies: Reply) -> FakeNetlinkSocket:
    """Return a kernel that gives the same answer each time."""

    def answer(_request: Request) -> Iterable[Reply]:
        return replies

    return FakeNetlinkSocket(answer)


def test_dump() -> None:
    """Each dump asks for the translated connections, with its own sequence number."""
    sock = FakeNetlinkSocket(lambda request: dump_of_entries([entry(FLOW)], request.sequence))
    conntrack = ConntrackSocket(sock.as_socket)
    assert [counts(ask(conntrack, readable_parser())) for _ in range(2)] == [{POOL: (1, 0, 0)}] * 2
    assert sock.sent == [encode_nat_request(1), encode_nat_request(2)]
    conntrack.close()
    assert sock.closed


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Cut(32_769), "ctnetlink dump: a datagram of 32769 bytes was cut"),
        (error(1, 1), "netlink dump: EPERM: Operation not permitted"),
        (OSError(105, "No buffer space available"), "ctnetlink dump: No buffer space available"),
        (dump_of_entries([b""], 1)[0], "ctnetlink message: an entry without attribute 3"),
    ],
)
def test_failure(reply: Reply, reason: str) -> None:
    """A dump that fails says which, and closes its socket: the rest may still come."""
    sock = kernel(reply)
    with pytest.raises(SourceError) as caught:
        ask(ConntrackSocket(sock.as_socket), readable_parser())
    assert str(caught.value) == reason
    assert sock.closed


def test_silent_kernel() -> None:
    """A kernel that does not answer is a SourceError."""
    with pytest.raises(SourceError, match=r"^ctnetlink dump: timed out$"):
        ask(ConntrackSocket(kernel().as_socket), readable_parser())


def drain(sock: socket.socket) -> PoolTally:
    """Drain a dump with the compiled parser from a socket that stands for the kernel's."""
    dump = Dump("ctnetlink dump", sock, SEQUENCE, time.monotonic, lambda: 0)
    return compiled_tally.tally_nat_dump(dump, EVERY_POOL)


def test_compiled_failures(monkeypatch: pytest.MonkeyPatch) -> None:
    """The compiled parser calls what fails by the same name."""
    monkeypatch.setattr(compiled_tally, "ANSWER_SECONDS", 0.05)
    sock, other = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with sock, other:
        with pytest.raises(SourceError, match=r"^ctnetlink dump: timed out$"):
            drain(sock)
        other.send(bytes(40_000))
        with pytest.raises(SourceError, match=r"^ctnetlink dump: a datagram of 40000 bytes was cu"):
            drain(sock)
        monkeypatch.setattr(compiled_tally, "DUMP_SECONDS", 0.0)
        other.send(struct.pack("=IHHII", 16, 1, 0, SEQUENCE, 0))
        with pytest.raises(SourceError, match=r"^ctnetlink dump: not finished after 0 s$"):
            drain(sock)
    with pytest.raises(OSError, match="Bad file descriptor"):
        drain(sock)


def test_real_socket() -> None:
    """The socket is a netlink socket to netfilter that no child process inherits."""
    with open_conntrack_socket() as sock:
        assert (sock.family, sock.proto) == (socket.AF_NETLINK, 12)
        assert not sock.get_inheritable()


def test_real_kernel(netns: None, parser: Parser) -> None:  # noqa: ARG001 - entries of its own
    """The kernel sends the connections whose source is translated, of both families."""
    track_connection(("10.0.0.7", 50000), ("203.0.113.9", 443))
    for port, state in ((40000, 3), (40001, 7), (40002, 8)):
        track_connection(
            ("10.0.0.7", port + 9), FLOW.destination, ("198.51.100.1", port), state=state
        )
    track_connection(("2001:db8::7", 50000), ("2001:db8::9", 443), ("2001:db8::1", 1))
    conntrack = ConntrackSocket()
    try:
        pools = [counts(ask(conntrack, parser)) for _ in range(2)]
    finally:
        conntrack.close()
    assert pools == [{POOL: (3, 1, 2), key("2001:db8::1", "2001:db8::9", 443): (1, 0, 0)}] * 2


def test_without_the_right(netns: None, parser: Parser) -> None:  # noqa: ARG001 - the same
    """Without CAP_NET_ADMIN the kernel refuses: EPERM."""
    with privilege(root=False), pytest.raises(SourceError, match="EPERM"):
        ask(ConntrackSocket(), parser)
