"""Listening sockets from a walk of the kernel's table, compared with what netlink tells."""

import random
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tcp_pressure_exporter.facts.bound import MAX_QUEUES, BoundRules, BoundTally
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.walk.found import NO_ROOM, STRAYED, WALKED
from tcp_pressure_exporter.sources.bpf.walk.listeners import (
    HEAD,
    LISTING_BYTES,
    MESSAGE_BYTES,
    MOST_LISTENERS,
    ListenerTable,
    by_namespace,
    open_listener_table,
)
from tcp_pressure_exporter.sources.counting.parser import Parser, best_parser, readable_parser
from tests.support.labs.lab import SERVER_PORT, Lab, open_lab
from tests.support.labs.network_namespace import network_namespace
from tests.support.labs.other_namespaces import inside, ip_netns, namespace_inode
from tests.support.sampled import Namespace

RULES = BoundRules()
PARSERS = [best_parser(), readable_parser()]


@pytest.fixture
def table() -> Iterator[ListenerTable]:
    found = open_listener_table()
    assert not isinstance(found, Missing), found.reason
    with closing(found):
        yield found


def walked(table: ListenerTable, parser: Parser = PARSERS[0]) -> BoundTally:
    return parser.tally_messages(list(table.messages()), RULES)


def dumped(parser: Parser = PARSERS[0]) -> BoundTally:
    with closing(Namespace(parser=parser, bound_only=False)) as namespace:
        return namespace.netlink.listening(RULES)


def listen_somehow(lab: Lab, chance: random.Random) -> None:
    """Make a listening socket of a random kind, and let some connections wait in its queue."""
    v6 = chance.random() < 0.5
    sock = lab.keep(socket.socket(socket.AF_INET6 if v6 else socket.AF_INET))
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, chance.randrange(2))
    if chance.random() < 0.2:
        sock.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
    if chance.random() < 0.2:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    addresses = ("::", "::1", "::ffff:127.0.0.5") if v6 else ("0.0.0.0", "127.0.0.1", "127.0.0.7")
    address = chance.choice(addresses)
    if address.startswith("::ffff"):
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((address, chance.randrange(9100, 9120)))
    sock.listen(chance.randrange(1, 9))
    wait_in(lab, sock, chance.randrange(3))


def wait_in(lab: Lab, sock: socket.socket, connections: int) -> None:
    for _ in range(connections):
        client = lab.keep(socket.socket(sock.family))
        client.settimeout(0)
        client.connect_ex(sock.getsockname()[:2])


@pytest.mark.bpf("listeners")
@pytest.mark.parametrize("seed", range(10))
def test_random_listeners(lab: Lab, table: ListenerTable, seed: int) -> None:
    """A walk tells what netlink tells: each socket's ends, device, queue, options and owner."""
    chance = random.Random(seed)  # noqa: S311 - the same sockets in every run
    for _ in range(30):
        listen_somehow(lab, chance)
    expected = dumped()
    assert sum(expected.listeners.values()) == 32  # and the lab's own two
    for parser in PARSERS:
        assert walked(table, parser) == expected


@pytest.mark.bpf("listeners")
def test_transparent(lab: Lab, table: ListenerTable) -> None:
    """IP_TRANSPARENT is seen if one socket has it, and not if none has."""
    assert not walked(table).transparent
    sock = lab.keep(socket.socket())
    sock.setsockopt(socket.SOL_IP, socket.IP_TRANSPARENT, 1)
    sock.bind(("127.0.0.1", 9100))
    sock.listen(1)
    assert walked(table).transparent


@pytest.mark.bpf("listeners")
@pytest.mark.parametrize("ports", [1, 5000])
def test_crowd(lab: Lab, table: ListenerTable, ports: int) -> None:
    """If more sockets exist than fit, in one chain or in all, each is told once."""
    count = 2 * MOST_LISTENERS + 100
    for number in range(count):
        sock = lab.keep(socket.socket())
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        sock.bind(("127.0.0.1", 10000 + number % ports))
        sock.listen(1)
    found = walked(table)
    assert found.listeners == {True: count + 1, False: 1}  # and the lab's own two
    assert found.listening == dumped().listening
    assert sorted(found.kept, key=repr) == sorted(dumped().kept, key=repr)
    assert len(found.queues) == min(MAX_QUEUES, ports + 2)


@pytest.mark.bpf("listeners")
def test_namespaces(table: ListenerTable) -> None:
    """A walk tells the sockets of the thread's namespace, or of each one requested."""
    with ip_netns() as name, network_namespace(), ExitStack() as stack:
        own = stack.enter_context(open_lab())
        with inside(name):
            lab = stack.enter_context(open_lab())
            lab.listen("127.0.0.1", 9001)
            there = dumped()
            assert walked(table) == there
        own.listen("127.0.0.1", 9002)
        assert walked(table).listening == 1 << 9002 | 1 << SERVER_PORT
        theirs = by_namespace(table.messages(everywhere=True), [inode := namespace_inode(name)])
        assert list(theirs) == [inode]
        assert PARSERS[0].tally_messages(theirs[inode], RULES) == there


class Program:
    """A program that walks chains of the given numbers of sockets, and strays a few times."""

    def __init__(self, sockets: list[int], strays: int = 0) -> None:
        self.sockets = sockets
        self.strays = strays
        self.told = 0

    def run(self, _program: str, arguments: bytes) -> int:
        first, chains, passed, _everywhere = (
            int.from_bytes(arguments[at : at + 8], "little") for at in range(0, 32, 8)
        )
        if chains and self.strays:
            self.strays -= 1
            return STRAYED
        self.told = sum(self.sockets[first : first + chains]) - passed
        return NO_ROOM if self.told > MOST_LISTENERS else WALKED

    def look_up(self, _table: str, _key: bytes, _size: int) -> bytes:
        head = HEAD.pack(len(self.sockets), self.told)
        return (head + bytes(MOST_LISTENERS * MESSAGE_BYTES))[:LISTING_BYTES]


@pytest.mark.parametrize(
    "sockets",
    [[0] * 16, [600] * 16, [0, 3000, 0, 0, 1024, 1025, 0, 0], [0] * 7 + [2048]],
)
def test_every_chain_once(sockets: list[int]) -> None:
    """However the sockets are spread over the chains, as many are told as exist."""
    table = ListenerTable(Program(sockets))  # type: ignore[arg-type]  # it has what is used
    assert sum(len(piece) for piece in table.messages()) == sum(sockets) * MESSAGE_BYTES


def test_straying() -> None:
    """Chains that change are walked again, but not forever."""
    program = Program([1, 1], strays=5)
    assert len(list(ListenerTable(program).messages())) == 1  # type: ignore[arg-type]
    program.strays = 1000
    with pytest.raises(SourceError, match="2 chains of listening sockets change all the time"):
        list(ListenerTable(program).messages())  # type: ignore[arg-type]
