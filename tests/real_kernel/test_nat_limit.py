"""How full a NAT pool is when the gateway drops the first connection."""

import platform
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import pytest

from tcp_pressure_exporter.pools.directions import NatRanges
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.pools.table import PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.sample import NAT_POOLS
from tcp_pressure_exporter.settings.config import Config
from tests.support.labs.conntrack_listing import tracked, wait_for_states
from tests.support.labs.gateway_lab import (
    OTHER_SERVER,
    OUTSIDE,
    SERVER,
    GatewayLab,
    open_gateway_lab,
    snat,
)
from tests.support.labs.lab import SERVER_PORT, time_wait_here
from tests.support.messages.socket_entries import sixteen_bytes
from tests.support.sampled import Namespace, sampler_of

# Since Linux 6.5, a connection that is over makes room for a new one.
EVICTS = tuple(map(int, platform.release().split(".")[:2])) >= (6, 5)


class Gateway:
    """A gateway that translates to some ports from 40000 on, and the code under test."""

    def __init__(self, lab: GatewayLab, namespace: Namespace, ports: int) -> None:
        self.lab = lab
        self.ports = ports
        snat(f"masquerade to :40000-{40000 + ports - 1}")
        ranges = NatRanges({sixteen_bytes(OUTSIDE): ports})
        self._config = Config(ListingRule(top=100, min_ratio=0), nat=ranges)
        self._sampler = sampler_of(namespace.sources, collectors=["nat"], netns="test")

    def table(self) -> PoolTable:
        nat = self._sampler.take(self._config).outcome(NAT_POOLS)
        assert nat is not None
        return nat.get()

    def usage(self, remote: str = SERVER) -> Usage:
        listed = self.table().listed
        [found] = [pool for pool in listed if pool.remote_address == remote]
        assert (found.local_address, found.port) == (OUTSIDE, str(SERVER_PORT))
        return found.usage

    def close(self, number: int) -> None:
        """Leave that many closed connections: once in a while one gives way to a later one."""
        while missing := number - len(tracked("-p", "tcp")):
            for _ in range(missing):
                time_wait_here(self.lab.connect())

    def fill(self) -> int:
        """Connect until the gateway drops a connection; return how many it let through."""
        for made in range(self.ports + 1):
            if self.lab.attempt() is None:
                return made
        raise AssertionError("the range did not fill")


@contextmanager
def gateway(ports: int) -> Iterator[Gateway]:
    namespace = Namespace()
    with open_gateway_lab() as lab:
        try:
            yield Gateway(lab, namespace, ports)
        finally:
            namespace.close()


@pytest.mark.parametrize("ports", [1, 10, 100, 128])
def test_small_range(ports: int) -> None:
    """Up to 128 ports the kernel tries them all: the first drop comes when all are used."""
    with gateway(ports) as full:
        assert full.fill() == ports
        assert full.usage() == Usage(ports, ports, 0, 0)
        assert full.table().ratio_max == 1.0


@pytest.mark.parametrize("ports", [129, 1000])
def test_larger_range(ports: int) -> None:
    """In a larger range the kernel tries at most 248 ports: the first drop may come earlier."""
    with gateway(ports) as full:
        made = full.fill()
        ratio = full.table().ratio_max
        assert ratio == made / ports
        assert 0.8 <= ratio <= 1.0  # seen: 0.86 to 0.99 of 1000


def test_other_destination() -> None:
    """A full pool does not affect those towards other destinations."""
    with gateway(10) as full:
        assert full.fill() == 10
        for _ in range(3):
            full.lab.connect(OTHER_SERVER)
        assert full.usage(OTHER_SERVER) == Usage(3, 10, 0, 0)
        table = full.table()
        assert (table.count, table.ratio_max) == (2, 1.0)


def test_counters() -> None:
    """Each dropped connection is counted by the kernel, as insert_failed and drop."""
    with gateway(10) as full:
        full.fill()
        for _ in range(4):
            assert full.lab.attempt() is None
        counters = Namespace().statistics()
        assert counters["nf_conntrack_insert_failed"] == 5
        assert counters["nf_conntrack_drop"] == 5


def test_closed_connections() -> None:
    """Closed connections use no port: 300 in a row share 100, if the kernel ends them.

    Before Linux 6.5 each holds its port for two minutes, and is counted.
    """
    with gateway(100) as busy:
        made = 0
        for _ in range(300):
            pair = busy.lab.attempt()
            if pair is None:
                break
            made += 1
            time_wait_here(pair)
        wait_for_states({"TIME_WAIT": 100})
        assert made == (300 if EVICTS else 100)
        assert busy.usage() == (Usage(0, 100, 100, 100) if EVICTS else Usage(100, 100, 100, 0))


def test_closed_and_live_connections() -> None:
    """Among closed connections the first drop comes at a lower ratio: not each of them gives way.

    The kernel ends one only if the new connection's sequence number is ahead of its last.
    """
    with gateway(1000) as mixed:
        mixed.close(700)
        wait_for_states({"TIME_WAIT": 700})
        assert mixed.usage() == (Usage(0, 1000, 700, 700) if EVICTS else Usage(700, 1000, 700, 0))
        made = mixed.fill()
        ratio = mixed.table().ratio_max
        assert ratio == (made if EVICTS else made + 700) / 1000
        assert 0.6 <= ratio <= 1.0  # seen: 0.79 to 0.94


def test_connections_of_the_gateway_itself() -> None:
    """They take ports of the pool too: it is full with the connections of both."""
    with gateway(10) as shared, ExitStack() as own:
        for port in range(40000, 40004):
            sock = own.enter_context(socket.socket())
            sock.bind((OUTSIDE, port))
            sock.connect((SERVER, SERVER_PORT))
        assert shared.fill() == 6
        assert shared.usage() == Usage(10, 10, 0, 0)
