from ipaddress import IPv4Address, IPv6Address
from socket import AF_INET, AF_INET6

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.addresses import (
    V4_ANY,
    V6_ANY,
    format_address,
    is_loopback,
    is_v4,
    normal_address,
)
from tests.support.messages.socket_entries import sixteen_bytes


@given(st.ip_addresses(v=4))
def test_v4_and_v4_mapped_are_one(address: IPv4Address) -> None:
    """An IPv4 address and its v4-mapped form become the same bytes, and read dotted."""
    from_v4 = normal_address(AF_INET, address.packed + bytes(12))
    from_v6 = normal_address(AF_INET6, IPv6Address(f"::ffff:{address}").packed)
    assert from_v4 == from_v6
    assert is_v4(from_v4)
    assert format_address(from_v4) == str(address)


def test_bytes_behind_an_ipv4_address() -> None:
    """Only the first four of the sixteen bytes are an IPv4 address."""
    assert normal_address(AF_INET, bytes([10, 0, 0, 2]) + b"\xff" * 12) == sixteen_bytes("10.0.0.2")


@given(st.ip_addresses(v=6))
def test_v6_stays(address: IPv6Address) -> None:
    """Any other IPv6 address stays as it is, and reads as RFC 5952 writes it."""
    assume(address.ipv4_mapped is None)
    normal = normal_address(AF_INET6, address.packed)
    assert normal == address.packed
    assert not is_v4(normal)
    assert format_address(normal) == str(address)


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.255.255.255", True),
        ("::ffff:127.0.0.2", True),
        ("::1", True),
        ("126.255.255.255", False),
        ("128.0.0.0", False),
        ("::2", False),
        ("::", False),
        ("::127.0.0.1", False),
        ("7f00::1", False),
    ],
)
def test_loopback(address: str, *, loopback: bool) -> None:
    """Loopback is 127.0.0.0/8 and ::1, nothing that only looks similar."""
    assert is_loopback(sixteen_bytes(address)) is loopback


def test_wildcards() -> None:
    """The wildcard of each family, and how they read."""
    assert (format_address(V4_ANY), format_address(V6_ANY)) == ("0.0.0.0", "::")
    assert is_v4(V4_ANY)
    assert not is_v4(V6_ANY)


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("2001:0db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("0:0:0:0:0:0:0:1", "::1"),
    ],
)
def test_format_v6(address: str, text: str) -> None:
    """IPv6 is written as RFC 5952 says: lower case, the longest run of zeros shortened."""
    assert format_address(IPv6Address(address).packed) == text
