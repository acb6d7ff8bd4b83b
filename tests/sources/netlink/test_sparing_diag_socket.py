"""The walk for sockets that are only bound is skipped if unwanted, or if it would find none."""

from collections.abc import Callable, Iterator
from contextlib import closing

import pytest

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.netlink.inet_diag import BOUND_ONLY
from tcp_pressure_exporter.sources.netlink.socket import Answer, Dump
from tcp_pressure_exporter.sources.netlink.sockets import DiagSocket, NetlinkSockets
from tests.support.labs.lab import SERVER_PORT, Lab
from tests.support.sampled import Namespace


def bound_ports(namespace: Namespace) -> set[tuple[int, bool]]:
    try:
        return {(sock.port, sock.listening) for sock in namespace.bound_sockets()}
    finally:
        namespace.close()


def test_bound_only(lab: Lab) -> None:
    """Listening sockets are there, one only bound is not; the usual source shows both."""
    lab.bind("127.0.0.1", 40000)
    listening = {(SERVER_PORT, True)}
    assert bound_ports(Namespace()) == {*listening, (40000, False)}
    assert bound_ports(Namespace(bound_only=False)) == listening


class CountedWalks(DiagSocket):
    """The real kernel, and how often it was asked to walk."""

    walks = 0

    def ask(
        self,
        states: int,
        read: Callable[[Dump], Answer],
        extensions: int = 0,
        attribute: bytes = b"",
        local_port: int = 0,
    ) -> Answer:
        self.walks += states == BOUND_ONLY
        return super().ask(states, read, extensions, attribute, local_port)


class Asked:
    """A source whose allowance is never used up."""

    def __init__(self) -> None:
        self.diag = CountedWalks()
        parser, clock = best_parser(), iter(range(0, 10**9, 3600))
        self._sockets = NetlinkSockets(
            parser.tally, parser.tally_bound, self.diag, lambda: next(clock)
        )

    def bound(self, ports: int | None) -> BoundTally:
        return self._sockets.bound_sockets(BoundRules(bound_only=ports))

    def close(self) -> None:
        self._sockets.close()


@pytest.fixture
def asked(lab: Lab) -> Iterator[Asked]:
    """Ask about a lab with one socket that is only bound."""
    lab.bind("127.0.0.1", 40000)
    with closing(Asked()) as asked:
        yield asked


@pytest.mark.parametrize("ports", [[], [SERVER_PORT]])
def test_no_walk(asked: Asked, ports: list[int]) -> None:
    """If all bound ports have listeners, or none is bound, no walk is made."""
    assert asked.bound(port_set(ports)).bound_only == 0
    assert asked.diag.walks == 0


def test_walk(asked: Asked) -> None:
    """If a port may be only bound, the sockets are read; if none is, none is kept."""
    assert asked.bound(port_set([SERVER_PORT, 40000])).bound_only == port_set([40000])
    assert asked.bound(None).bound_only == port_set([40000])
    assert asked.diag.walks == 2
    assert asked.bound(0).bound_only == 0
    assert asked.diag.walks == 2
