"""NAT pools of a real gateway are what `conntrack -L` shows, whichever way they are read.

Each expected value is what connect() really did, and what conntrack(8) made of it.
"""

import platform
import socket
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.tally import PoolKey, RowRules
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import compiled_parser, readable_parser
from tests.sources.counting.counting import key
from tests.support.fakes.tallies import Counts, counts
from tests.support.labs.conntrack_listing import listed_pools, tracked, wait_for_states
from tests.support.labs.gateway_lab import (
    CLIENT,
    KNOWN_SERVER,
    OTHER_SERVER,
    OUTSIDE,
    OUTSIDE6,
    SECOND_OUTSIDE,
    SERVER,
    SERVER6,
    SILENT,
    VIRTUAL,
    GatewayLab,
    dnat,
    open_gateway_lab,
    snat,
    translate,
)
from tests.support.labs.lab import SERVER_PORT, time_wait_here, time_wait_there
from tests.support.messages.socket_entries import sixteen_bytes

PORTS_OF_1 = "masquerade to :40000-40099"
Pools = dict[PoolKey, Counts]
Read = Callable[[], Pools]


@pytest.fixture
def gateway() -> Iterator[GatewayLab]:
    with open_gateway_lab() as lab:
        yield lab


def by_compiled_parser() -> ConntrackTable:
    parser = compiled_parser()
    assert parser is not None
    return ConntrackTable(Path("/proc"), parser, by_netlink=True)


def by_readable_parser() -> ConntrackTable:
    return ConntrackTable(Path("/proc"), readable_parser(), by_netlink=True)


def from_text() -> ConntrackTable:
    return ConntrackTable(Path("/proc"), readable_parser(), by_netlink=False)


@pytest.fixture(params=[by_compiled_parser, by_readable_parser, from_text])
def pools(request: pytest.FixtureRequest) -> Read:
    """Give a way to read the pools; each reading is compared with what conntrack(8) shows."""

    def read() -> Pools:
        table: ConntrackTable = request.param()
        found = counts(table.translated(RowRules()))
        table.close()
        assert found == shown_pools()
        return found

    return read


def shown_pools() -> Pools:
    """Return the pools that `conntrack -L --src-nat` shows, with all that shares their ports."""
    translated = listed_pools(tracked("--src-nat", "-o", "extended"))
    every = listed_pools(tracked("-o", "extended"))
    # A connection whose source was not translated is never ended for a new one: nf_nat_may_kill.
    return {pool: (*every[pool][:2], may_be_ended(translated[pool][2])) for pool in translated}


def towards(remote: str, local: str = OUTSIDE) -> PoolKey:
    return key(local, remote, SERVER_PORT)


@pytest.mark.parametrize("way", [by_compiled_parser, by_readable_parser, from_text])
def test_clients(gateway: GatewayLab, way: Callable[[], ConntrackTable]) -> None:
    """The holders of a pool's ports are shown, by the client's own address."""
    snat(PORTS_OF_1)
    for remote in (SERVER, SERVER, SERVER, OTHER_SERVER):
        gateway.connect(remote)
    table = way()
    found = table.translated(RowRules(), [towards(SERVER)]).clients
    table.close()
    assert found == {towards(SERVER): {sixteen_bytes(CLIENT): 3}}


def test_forwarded(gateway: GatewayLab, pools: Read) -> None:
    """Connections that are only forwarded take no port of the gateway."""
    snat(PORTS_OF_1)
    for _ in range(3):
        gateway.connect(KNOWN_SERVER)
    wait_for_states({"ESTABLISHED": 3})
    assert pools() == {}


def test_masquerade(gateway: GatewayLab, pools: Read) -> None:
    """Each destination has its own pool; UDP takes no port from it."""
    snat(PORTS_OF_1)
    for remote, flows in ((SERVER, 5), (OTHER_SERVER, 3)):
        for _ in range(flows):
            gateway.connect(remote)
        gateway.send_datagram(remote)
    assert pools() == {towards(SERVER): (5, 0, 0), towards(OTHER_SERVER): (3, 0, 0)}


def test_two_addresses(gateway: GatewayLab, pools: Read) -> None:
    """Each address that the gateway translates to has its own pools."""
    snat(f"snat to numgen inc mod 2 map {{ 0 : {OUTSIDE}, 1 : {SECOND_OUTSIDE} }}")
    for _ in range(6):
        gateway.connect()
    assert pools() == {towards(SERVER): (3, 0, 0), towards(SERVER, SECOND_OUTSIDE): (3, 0, 0)}


def test_one_address(gateway: GatewayLab, pools: Read) -> None:
    """A translated connection counts even if it keeps its source port."""
    snat(f"snat to {OUTSIDE}")
    client, accepted = gateway.connect()
    assert accepted.getpeername() == (OUTSIDE, client.getsockname()[1])
    assert pools() == {towards(SERVER): (1, 0, 0)}


def test_translated_destination(gateway: GatewayLab, pools: Read) -> None:
    """If only the destination is translated, no port is taken."""
    dnat(f"dnat to {KNOWN_SERVER}")
    gateway.connect(VIRTUAL)
    wait_for_states({"ESTABLISHED": 1})
    assert pools() == {}


def test_both_translated(gateway: GatewayLab, pools: Read) -> None:
    """If both ends are translated, the pool is the one towards the real server."""
    dnat(f"dnat to {SERVER}")
    snat(PORTS_OF_1)
    for remote in (VIRTUAL, SERVER):
        gateway.connect(remote)
    assert pools() == {towards(SERVER): (2, 0, 0)}


def test_own_connections(gateway: GatewayLab, pools: Read) -> None:
    """The gateway's own connections hold ports of the pool, and leave fewer to others."""
    snat("masquerade to :40000-40009")
    for port in range(40_000, 40_004):
        gateway.connect_from_gateway(SERVER, port)
    assert pools() == {}
    for _ in range(6):
        gateway.connect()
    assert gateway.attempt() is None
    assert pools() == {towards(SERVER): (10, 0, 0)}


def test_own_connections_over(gateway: GatewayLab, pools: Read) -> None:
    """In TIME_WAIT they still hold their ports: the kernel ends only translated ones."""
    snat("masquerade to :40000-40003")
    for port in range(40_000, 40_003):
        time_wait_here(gateway.connect_from_gateway(SERVER, port))
    gateway.connect()
    wait_for_states({"TIME_WAIT": 3, "ESTABLISHED": 1})
    assert gateway.attempt() is None
    assert pools() == {towards(SERVER): (4, 3, 0)}


@pytest.mark.parametrize(
    ("statement", "zone"), [("ct zone", 5), ("ct reply zone", 5), ("ct original zone", 0)]
)
def test_zones(gateway: GatewayLab, pools: Read, statement: str, zone: int) -> None:
    """Each zone of replies has its own ports: if one is full, another has them all."""
    snat("masquerade to :40000-40009")
    translate(f"""
        add table ip zones
        add chain ip zones in {{ type filter hook prerouting priority raw; }}
        add rule ip zones in iifname inside {statement} set 5
    """)
    for _ in range(10):
        gateway.start(SILENT)
    wait_for_states({"SYN_SENT": 10})
    assert pools() == {towards(SILENT)._replace(scope=zone): (10, 0, 0)}
    translate("flush chain ip zones in")
    for _ in range(10):
        gateway.start(SILENT)
    wait_for_states({"SYN_SENT": 20 if zone else 10})
    assert pools() == {towards(SILENT)._replace(scope=scope): (10, 0, 0) for scope in {0, zone}}


def may_be_ended(over: int) -> int:
    """Return how many of the connections that are over a new one may end: none before Linux 6.5."""
    major, minor = platform.release().split(".")[:2]
    return over if (int(major), int(minor)) >= (6, 5) else 0


def test_ipv6(gateway: GatewayLab, pools: Read) -> None:
    """IPv6 is translated by separate rules, and counted in separate pools."""
    snat(PORTS_OF_1, family="ip6")
    for _ in range(4):
        gateway.connect(SERVER6)
    time_wait_here(gateway.connect(SERVER6))
    wait_for_states({"ESTABLISHED": 4, "TIME_WAIT": 1})
    assert pools() == {towards(SERVER6, OUTSIDE6): (5, 1, may_be_ended(1))}


def test_states(gateway: GatewayLab, pools: Read) -> None:
    """Each state holds a port; a connection in TIME_WAIT or CLOSE may be ended for a new one."""
    snat(PORTS_OF_1)
    gateway.connect()
    gateway.start(SILENT)
    half_closed, _accepted = gateway.connect()
    half_closed.shutdown(socket.SHUT_WR)
    time_wait_here(gateway.connect())
    time_wait_there(gateway.connect())
    reset, _accepted = gateway.connect()
    reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    reset.close()
    wait_for_states({"ESTABLISHED": 1, "SYN_SENT": 1, "CLOSE_WAIT": 1, "TIME_WAIT": 2, "CLOSE": 1})
    assert pools() == {towards(SERVER): (5, 2, may_be_ended(3)), towards(SILENT): (1, 0, 0)}


def test_nothing_tracked(gateway: GatewayLab, pools: Read) -> None:  # noqa: ARG001 - it forwards nothing
    """A gateway that has not translated anything has no pools."""
    assert pools() == {}
