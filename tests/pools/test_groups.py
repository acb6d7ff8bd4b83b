from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.groups import OverlapError, RemoteGroup, RemoteGroups

Network = IPv4Network | IPv6Network

LB = RemoteGroup("lb", (ip_network("10.0.0.5/32"), ip_network("10.0.1.0/24")), 28232)
NAT = RemoteGroup("nat", (ip_network("2001:db8:1::/48"),))
GROUPS = RemoteGroups([LB, NAT])


def sixteen_bytes(text: str) -> bytes:
    """Write an address in the kernel's v4-mapped form (RFC 4291, section 2.5.5.2)."""
    address = ip_address(text)
    return bytes(10) + b"\xff\xff" + address.packed if address.version == 4 else address.packed


@pytest.mark.parametrize(
    ("address", "group"),
    [
        ("10.0.0.5", LB),
        ("10.0.0.4", None),
        ("10.0.0.6", None),
        ("10.0.1.0", LB),
        ("10.0.1.255", LB),
        ("10.0.2.0", None),
        ("2001:db8:1::", NAT),
        ("2001:db8:1:ffff:ffff:ffff:ffff:ffff", NAT),
        ("2001:db8:2::", None),
        ("::", None),
    ],
)
def test_find(address: str, group: RemoteGroup | None) -> None:
    """An address belongs to the group whose network holds it, up to the network's two ends."""
    assert GROUPS.find(sixteen_bytes(address)) == group


def test_mapped_network() -> None:
    """A v4-mapped IPv6 network is the IPv4 network with a prefix 96 bits shorter."""
    mapped = RemoteGroup("a", (ip_network("::ffff:10.0.0.0/104"), ip_network("::ffff:0:0/97")))
    assert mapped.networks == (ip_network("10.0.0.0/8"), ip_network("0.0.0.0/1"))


def test_all_of_ipv6_is_not_ipv4() -> None:
    """::/0 holds every IPv6 address and no IPv4 address."""
    groups = RemoteGroups([RemoteGroup("six", (ip_network("::/0"),))])
    assert groups.find(sixteen_bytes("2001:db8::1")) is not None
    assert groups.find(sixteen_bytes("192.0.2.1")) is None


def test_default_networks_of_both_families_do_not_overlap() -> None:
    """0.0.0.0/0 and ::/0 can be two groups."""
    four = RemoteGroup("four", (ip_network("0.0.0.0/0"),))
    six = RemoteGroup("six", (ip_network("::/0"),))
    groups = RemoteGroups([four, six])
    assert groups.find(sixteen_bytes("203.0.113.9")) == four
    assert groups.find(sixteen_bytes("fe80::1")) == six


def test_overlap_of_two_groups() -> None:
    """Networks of two groups that share addresses are refused; the error names both."""
    wide = RemoteGroup("wide", (ip_network("192.0.2.0/24"), ip_network("10.0.0.0/8")))
    with pytest.raises(OverlapError) as caught:
        RemoteGroups([LB, wide])
    assert str(caught.value) == "10.0.0.0/8 of group wide overlaps 10.0.0.5/32 of group lb"
    assert (caught.value.group, caught.value.network) == (1, 1)


def test_overlap_inside_a_group() -> None:
    """A network listed twice in one group, once in its v4-mapped form, is refused."""
    networks = (ip_network("10.0.0.0/8"), ip_network("::ffff:10.0.0.0/104"))
    with pytest.raises(OverlapError) as caught:
        RemoteGroups([RemoteGroup("a", networks)])
    assert str(caught.value) == "10.0.0.0/8 of group a overlaps 10.0.0.0/8 of group a"
    assert (caught.value.group, caught.value.network) == (0, 1)


def test_empty_groups() -> None:
    """Without a group the object is falsy and finds nothing."""
    assert not RemoteGroups()
    assert GROUPS
    assert RemoteGroups().find(bytes(16)) is None


def test_value_semantics() -> None:
    """Groups with the same content are equal, iterate in their order and show in the repr."""
    assert RemoteGroups((LB, NAT)) == GROUPS
    assert RemoteGroups([NAT, LB]) != GROUPS
    assert list(GROUPS) == [LB, NAT]
    assert "name='lb'" in repr(GROUPS)
    assert NAT.ports == 64512


def bits(width: int, base: int) -> st.SearchStrategy[int]:
    """Draw addresses that often share a long prefix."""
    near = st.integers(0, 2**10 - 1).map(lambda low: base + low)
    return near | st.integers(0, 2**width - 1)


V4 = bits(32, 0x0A000000).map(IPv4Address)
V6 = bits(128, 0x20010DB8 << 96).map(IPv6Address)
ADDRESSES = V4 | V6 | V4.map(lambda v4: IPv6Address(f"::ffff:{v4}"))


def network_of(address: IPv4Address | IPv6Address, prefix: int) -> Network:
    return ip_network((address, max(address.max_prefixlen - prefix, 0)), strict=False)


NETWORKS = st.builds(network_of, ADDRESSES, st.integers(0, 12) | st.integers(0, 128))


def as_v4(address: IPv6Address) -> IPv4Address | IPv6Address:
    return address.ipv4_mapped or address


def true_network(network: Network) -> Network:
    """Return the IPv4 network that a v4-mapped one is, by the first and last address."""
    if isinstance(network, IPv4Network):
        return network
    first = network.network_address.ipv4_mapped
    if first is None or network.prefixlen < 96:
        return network
    return IPv4Network((first, network.prefixlen - 96))


@given(st.lists(st.lists(NETWORKS, max_size=4), max_size=5), st.lists(ADDRESSES, max_size=20))
def test_find_agrees_with_a_linear_scan(
    lists: list[list[Network]], addresses: list[IPv4Address | IPv6Address]
) -> None:
    """Search and overlap agree with a scan of all networks by the ipaddress module."""
    scan = [(index, true_network(net)) for index, nets in enumerate(lists) for net in nets]
    overlap = any(
        one.overlaps(other)
        for position, (_, one) in enumerate(scan)
        for _, other in scan[:position]
        if one.version == other.version
    )
    named = [RemoteGroup(str(index), tuple(nets)) for index, nets in enumerate(lists)]
    if overlap:
        with pytest.raises(OverlapError):
            RemoteGroups(named)
        return
    groups = RemoteGroups(named)
    for address in [*addresses, *(net.network_address for _, net in scan)]:
        plain = as_v4(address) if isinstance(address, IPv6Address) else address
        expected = [named[index] for index, net in scan if plain in net]
        found = groups.find(sixteen_bytes(str(plain)))
        assert ([] if found is None else [found]) == expected
