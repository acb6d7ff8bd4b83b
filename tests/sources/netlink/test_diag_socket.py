import errno
import socket
from collections.abc import Iterable, Iterator

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads
from tcp_pressure_exporter.sources.netlink.socket import Dump
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket, open_diag_socket
from tests.support.fakes.fake_clock import FakeClock
from tests.support.fakes.fake_netlink_socket import Cut, FakeNetlinkSocket, FromPort, Reply, Request
from tests.support.messages.datagrams import GETSOCK, done, error, message

A = b"aaaa"


def payloads(dump: Dump) -> list[bytes]:
    found = dump_payloads((d.content for d in dump.datagrams()), GETSOCK, dump.sequence)
    return [bytes(payload) for payload in found]


class Script:
    """A kernel that answers each request with the next list of replies."""

    def __init__(self, *answers: list[Reply]) -> None:
        self._answers = list(answers)
        self.opened: list[FakeNetlinkSocket] = []

    def open(self) -> socket.socket:
        self.opened.append(FakeNetlinkSocket(self._answer))
        return self.opened[-1].as_socket()

    def _answer(self, _request: Request) -> Iterable[Reply]:
        return self._answers.pop(0)


def whole(sequence: int) -> list[Reply]:
    return [message(GETSOCK, A, sequence=sequence), done(sequence)]


def reason(diag: DiagSocket) -> str:
    """Return the text of the SourceError that the next dump must cause."""
    with pytest.raises(SourceError) as caught:
        diag.ask(2, payloads)
    return str(caught.value)


def test_dumps_on_one_socket() -> None:
    """All dumps go over one socket, each with its own sequence number."""
    script = Script(whole(1), whole(2))
    diag = DiagSocket(script.open)
    assert [diag.ask(0x400, payloads), diag.ask(0xBFE, payloads)] == [[A], [A]]
    [sock] = script.opened
    assert sock.requests == [(0x400, 1), (0xBFE, 2)]
    assert sock.timeout == 5.0


def test_rest_of_an_earlier_answer() -> None:
    """Leftovers of an earlier request are not part of the next answer."""
    script = Script([*whole(1), message(GETSOCK, b"late", sequence=1)], [*whole(1), *whole(2)])
    diag = DiagSocket(script.open)
    assert [diag.ask(2, payloads), diag.ask(2, payloads)] == [[A], [A]]


def test_silent_kernel() -> None:
    """A kernel that stays silent, from the start or midway, is a SourceError."""
    diag = DiagSocket(Script([], [message(GETSOCK, A, sequence=2)]).open)
    assert reason(diag) == "sock_diag dump: timed out"
    assert reason(diag) == "sock_diag dump: timed out"


def test_cut_datagram() -> None:
    """A datagram larger than the buffer was cut by recv: a SourceError."""
    assert reason(DiagSocket(Script([Cut(32_769)]).open)) == (
        "sock_diag dump: a datagram of 32769 bytes was cut"
    )


def test_largest_datagram() -> None:
    """The largest datagram that the kernel makes is received whole."""
    payload = bytes(32_768 - 16 - 20)
    datagram = message(GETSOCK, payload, sequence=1) + done(1)
    assert len(datagram) == 32_768
    assert DiagSocket(Script([datagram]).open).ask(2, payloads) == [payload]


def test_foreign_sender() -> None:
    """A datagram from another process is ignored: only the kernel answers from port 0."""
    forged = FromPort(message(GETSOCK, b"forged", sequence=1) + done(1), port_id=4711)
    assert DiagSocket(Script([forged, *whole(1)]).open).ask(2, payloads) == [A]


@pytest.mark.parametrize(
    "failure",
    [
        [],
        [Cut(99_999)],
        [error(errno.EBUSY, 1)],
        [OSError(errno.ENOBUFS, "No buffer space available")],
        [b"\x01"],
    ],
)
def test_fresh_socket_after_a_failure(failure: list[Reply]) -> None:
    """After any failure the old socket is closed, and the next dump gets a fresh one."""
    script = Script(failure, whole(2))
    diag = DiagSocket(script.open)
    reason(diag)
    assert diag.ask(2, payloads) == [A]
    assert [sock.closed for sock in script.opened] == [True, False]
    assert script.opened[1].requests == [(2, 2)]


def test_socket_error() -> None:
    """An error of the socket is a SourceError with the system's reason."""
    failing = OSError(errno.ENOBUFS, "No buffer space available")
    diag = DiagSocket(Script([failing]).open)
    assert reason(diag) == "sock_diag dump: No buffer space available"


def test_no_permission_for_a_socket() -> None:
    """If no socket may be opened, each dump fails until one may."""
    script = Script(whole(2))
    attempts = iter([PermissionError(errno.EPERM, "Operation not permitted"), None])

    def open_socket() -> socket.socket:
        refusal = next(attempts)
        if refusal:
            raise refusal
        return script.open()

    diag = DiagSocket(open_socket)
    assert reason(diag) == "sock_diag dump: Operation not permitted"
    assert diag.ask(2, payloads) == [A]


def test_endless_dump() -> None:
    """A dump that goes on for more than a minute is given up: its start is out of date."""
    clock = FakeClock()

    def endless(request: Request) -> Iterator[Reply]:
        for _ in range(1000):
            clock.advance(1)
            yield message(GETSOCK, A, sequence=request.sequence)

    sock = FakeNetlinkSocket(endless)
    assert reason(DiagSocket(sock.as_socket, clock)) == "sock_diag dump: not finished after 60 s"
    assert clock.now == 1060


def test_close() -> None:
    """Closing is harmless at any time; the next dump opens another socket."""
    script = Script(whole(1), whole(2))
    diag = DiagSocket(script.open)
    diag.close()
    diag.ask(2, payloads)
    diag.close()
    diag.close()
    assert diag.ask(2, payloads) == [A]
    assert [sock.closed for sock in script.opened] == [True, False]


def test_real_socket() -> None:
    """The socket is a netlink socket to sock_diag that no child process inherits."""
    with open_diag_socket() as sock:
        assert (sock.family, sock.proto) == (socket.AF_NETLINK, 4)
        assert not sock.get_inheritable()
