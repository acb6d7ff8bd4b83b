"""Real sockets for the tests: a server on many addresses, connections to it, and what is full."""

import errno
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from functools import partial

from tcp_pressure_exporter.facts.questions import (
    NO_BIND_TABLE,
    NOT_COUNTED,
    BindTableSource,
    CloseSource,
    Missing,
)
from tcp_pressure_exporter.facts.tally import BPF
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.table import ListedPool, PoolTables
from tcp_pressure_exporter.sample.sample import POOLS, NamespaceSample
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.bpf.walk.sockets import WalkedSockets
from tcp_pressure_exporter.sources.bpf.walk.tables import Tables, open_tables
from tcp_pressure_exporter.sources.counting.parser import Parser
from tcp_pressure_exporter.sources.owners.busy import BusyProcesses
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import find_processes
from tests.support.sampled import Namespace, sampler_of

SERVER_PORT = 9000  # outside every range of the tests
PATIENCE_SECONDS = 10.0
IP_BIND_ADDRESS_NO_PORT = 24  # include/uapi/linux/in.h
EVERYTHING = Config(ListingRule(top=1000, min_ratio=0), RemoteGroups())

Pair = tuple[socket.socket, socket.socket]


class Lab:
    """Sockets of one namespace; all are closed at the end."""

    def __init__(self, sockets: ExitStack) -> None:
        self._sockets = sockets
        self.clients: list[socket.socket] = []
        self.server4 = self.listen("0.0.0.0", SERVER_PORT)
        self.server6 = self.listen("::", SERVER_PORT, ipv6_only=True)

    def keep(self, sock: socket.socket) -> socket.socket:
        """Close the socket at the end of the test."""
        return self._sockets.enter_context(sock)

    def listen(self, address: str, port: int, *, ipv6_only: bool = False) -> socket.socket:
        """Open a listener."""
        sock = self.keep(socket.socket(family_of(address), socket.SOCK_STREAM))
        if sock.family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, ipv6_only)
        sock.bind((address, port))
        sock.listen(4096)
        return sock

    def bind(self, address: str, port: int) -> socket.socket:
        """Bind a socket to a port and do nothing more with it."""
        sock = self.keep(socket.socket(family_of(address), socket.SOCK_STREAM))
        sock.bind((address, port))
        return sock

    def connect(
        self, remote: str, local: str | None = None, port: int = 0, *, mapped: bool = False
    ) -> Pair:
        """Connect to the server; return client and accepted side.

        port: the client's, at `local`; 0: the kernel chooses. mapped: from an IPv6 socket to the
        v4-mapped address. Raises OSError as connect() does.
        """
        client = socket.socket(socket.AF_INET6 if mapped else family_of(remote))
        try:
            if local:
                client.setsockopt(socket.IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1)
                client.bind((f"::ffff:{local}" if mapped else local, port))
            client.connect((f"::ffff:{remote}" if mapped else remote, SERVER_PORT))
        except OSError:
            client.close()
            raise
        server = self.server6 if ":" in remote else self.server4
        accepted, _ = server.accept()
        self.clients.append(client)
        return self.keep(client), self.keep(accepted)

    def connect_until_full(self, remote: str, local: str | None = None) -> int:
        """Return how many more connections to the server succeed."""
        made = 0
        while made < 1000:
            try:
                self.connect(remote, local)
            except OSError as error:
                if error.errno != errno.EADDRNOTAVAIL:
                    raise
                return made
            made += 1
        raise AssertionError("the range did not fill: is it as small as the test means it to be?")

    def bind_until_full(self, local: str, remotes: list[str]) -> int:
        """Return how many bind(local, port 0) succeed; each connects to the next remote."""
        made = 0
        while made < 1000:
            sock = self.keep(socket.socket())
            try:
                sock.bind((local, 0))
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                return made
            sock.connect((remotes[made % len(remotes)], SERVER_PORT))
            self.keep(self.server4.accept()[0])
            made += 1
        raise AssertionError("the range did not fill: is it as small as the test means it to be?")


def time_wait_here(pair: Pair) -> None:
    """Leave the client's end in TIME_WAIT: it closes first."""
    client, accepted = pair
    client.close()
    wait_for_fin(accepted)
    accepted.close()


def time_wait_there(pair: Pair) -> None:
    """Leave the server's end in TIME_WAIT."""
    client, accepted = pair
    accepted.close()
    wait_for_fin(client)
    client.close()


def wait_for_fin(sock: socket.socket) -> None:
    """Wait until the peer's FIN is here: two that close at the same moment both have TIME_WAIT."""
    sock.settimeout(PATIENCE_SECONDS)
    sock.recv(1)


@contextmanager
def open_lab() -> Iterator[Lab]:
    """Give a lab in the namespace of the thread."""
    with ExitStack() as sockets:
        yield Lab(sockets)


class Observer:
    """The code under test: samples the namespace of the thread with every pool listed."""

    def __init__(
        self,
        parser: Parser | None = None,
        bind_table: BindTableSource | Missing = NO_BIND_TABLE,
        closes: CloseSource | Missing = NOT_COUNTED,
        tables: Tables | None = None,
    ) -> None:
        self.namespace = Namespace(parser=parser, bind_table=bind_table, tables=tables)
        find = partial(find_processes, busy=BusyProcesses())
        owners = Owners(Cgroups(), find, walk_share=1.0)
        sources = replace(self.namespace.sources, closes=closes)
        self._sampler = sampler_of(sources, owners, netns="test")

    def sample(self, config: Config = EVERYTHING) -> NamespaceSample:
        return self._sampler.take(config)

    def tables(self) -> PoolTables:
        pools = self.sample().outcome(POOLS)
        assert pools is not None
        return pools.get()

    def pool(self, direction: str, local: str, remote: str, port: str) -> ListedPool:
        """Return the one pool with these labels."""
        labels = (local, remote, port)
        listed = self.tables()[direction].listed
        (found,) = [p for p in listed if (p.local_address, p.remote_address, p.port) == labels]
        return found

    def free(self, direction: str, local: str, remote: str, port: str) -> int:
        """Return limit − used of a pool: how many more connections it promises."""
        usage = self.pool(direction, local, remote, port).usage
        assert usage.limit is not None
        return max(usage.limit - usage.used, 0)


@contextmanager
def open_observer(
    parser: Parser | None = None,
    bind_table: BindTableSource | Missing = NO_BIND_TABLE,
    tables: Tables | None = None,
) -> Iterator[Observer]:
    """Give an observer, its netlink socket closed at the end."""
    observer = Observer(parser, bind_table, tables=tables)
    try:
        yield observer
    finally:
        observer.namespace.close()


@contextmanager
def open_walking_observer() -> Iterator[Observer]:
    """Give an observer that walks the kernel's table, and has done so to the end."""
    tables = open_tables()
    assert not isinstance(tables, Missing), tables.reason
    try:
        with open_observer(tables=tables) as observer:
            yield observer
            sockets = observer.namespace.sockets
            assert isinstance(sockets, WalkedSockets)
            assert sockets.told_by.source == BPF, sockets.told_by
    finally:
        tables.close()


def family_of(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
