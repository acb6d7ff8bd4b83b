"""Which addresses are this host's, according to its local routing table."""

import subprocess
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NetworkPorts
from tcp_pressure_exporter.sources.netlink.local_routes import (
    RTM_NEWROUTE,
    LocalRoutes,
    parse_local_routes,
)
from tests.support.messages.datagrams import SEQUENCE, done, message
from tests.support.messages.socket_entries import sixteen_bytes

# As `ip route show table local` of the kernel of the tests has it: local 192.0.2.2 dev eth0.
HOST = bytes.fromhex("02200000ff02fe020000000008000f00ff00000008000100c0000202")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True)


def shown(family: str) -> str:
    command = ["ip", family, "route", "show", "table", "local"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def parse(*payloads: bytes) -> list[NetworkPorts]:
    return parse_local_routes([*(message(RTM_NEWROUTE, one) for one in payloads), done()], SEQUENCE)


def test_addresses_and_networks(netns: None) -> None:  # noqa: ARG001 - its addresses
    """Addresses, the network of loopback and local networks (AnyIP) belong to this host."""
    ip("address", "add", "192.0.2.2/32", "dev", "lo")
    ip("address", "add", "fd00::2/64", "dev", "lo", "nodad")
    ip("route", "add", "local", "198.51.100.0/24", "dev", "lo")
    ip("route", "add", "203.0.113.0/24", "dev", "lo")
    ip("route", "add", "local", "default", "dev", "lo", "table", "100")  # what TPROXY needs
    while "fd00::2" not in shown("-6"):
        time.sleep(0.01)  # the kernel adds it a moment later; the time limit of tests bounds this
    routes = LocalRoutes()
    found = routes.networks()
    routes.close()
    own = ["127.0.0.1", "127.9.9.9", "192.0.2.2", "198.51.100.7", "::1", "fd00::2"]
    others = ["192.0.2.3", "203.0.113.1", "8.8.8.8", "fd00::3", "2001:db8::1"]
    assert [
        address
        for address in own + others
        if any(network.has(sixteen_bytes(address), 80) for network in found)
    ] == own


def test_recorded_route() -> None:
    """A local route of one address is that address; routes of other tables and kinds are not."""
    assert parse(HOST) == [NetworkPorts(sixteen_bytes("192.0.2.2"), 128)]
    assert parse(HOST[:4] + b"\xfe" + HOST[5:]) == []  # RT_TABLE_MAIN
    assert parse(HOST[:7] + b"\x01" + HOST[8:]) == []  # RTN_UNICAST
    assert parse(b"\x07" + HOST[1:]) == []  # another family


@pytest.mark.parametrize(
    ("payload", "reason"),
    [
        (HOST[:11], "11 bytes, a route has 12"),
        (HOST[:1] + b"\x21" + HOST[2:], "a prefix of 33 bits"),
        (HOST[:20] + b"\x06\x00\x01\x00\xc0\x00", "an address of 2 bytes"),
        (HOST[:20] + b"\x09\x00\x01\x00\xc0\x00\x02\x02", "length 9, 8 bytes left"),
    ],
)
def test_no_sense(payload: bytes, reason: str) -> None:
    """A route that makes no sense is a SourceError that says why."""
    with pytest.raises(SourceError, match=reason):
        parse(payload)


@given(st.lists(st.binary(max_size=60)))
def test_any_bytes(payloads: list[bytes]) -> None:
    """Any bytes in a route's place give a network each at most, or a SourceError."""
    try:
        assert len(parse(*payloads)) <= len(payloads)
    except SourceError as error:
        assert error.operation.startswith("rtnetlink ")  # noqa: PT017 - or a result
