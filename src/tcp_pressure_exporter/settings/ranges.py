"""Addresses, networks and port ranges of the configuration file: text → the limits of pools."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address, ip_network

from tcp_pressure_exporter.escaping import quoted
from tcp_pressure_exporter.facts.addresses import ADDRESS_BYTES, V4_MAPPED
from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.facts.tally import NetworkPorts
from tcp_pressure_exporter.pools.directions import NatRanges
from tcp_pressure_exporter.pools.explicit import SourceRanges
from tcp_pressure_exporter.pools.groups import Network
from tcp_pressure_exporter.settings.reading import ConfigError

RANGE = re.compile("([0-9]{1,5})-([0-9]{1,5})")


def nat_ranges(entries: Iterable[tuple[str, str]]) -> NatRanges:
    """Return the ports of each address; entries are its text and its range. Raises ConfigError."""
    ports: dict[bytes, int] = {}
    for index, (address, text) in enumerate(entries):
        packed = _address(f"nat[{index}].address", address)
        if packed in ports:
            reason = f"already has an entry (got {quoted(address)})"
            raise ConfigError(f"nat[{index}].address", reason)
        low, high = _range(f"nat[{index}].ports", text)
        ports[packed] = high - low + 1
    return NatRanges(ports)


def _address(key: str, text: str) -> bytes:
    try:
        address = ip_address(text)
    except ValueError as error:
        raise ConfigError(key, f"must be an IP address (got {quoted(text)})") from error
    if isinstance(address, IPv6Address):
        if address.scope_id is not None:
            raise ConfigError(key, f"must not name an interface (got {quoted(text)})")
        return address.packed
    return V4_MAPPED + address.packed


def _range(key: str, text: str) -> tuple[int, int]:
    match = RANGE.fullmatch(text)
    low, high = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= low <= high <= MAX_PORT:
        raise ConfigError(key, f"must be a range such as 40000-49999 (got {quoted(text)})")
    return low, high


def source_ranges(entries: Iterable[tuple[str, str]]) -> SourceRanges:
    """Return the ports of each network; entries are its text and its range.

    Raises ConfigError, also where two entries share a port of an address: it would count twice in
    the limit.
    """
    found: list[NetworkPorts] = []
    for index, (address, ports) in enumerate(entries):
        one = network(f"sources[{index}].address", address)
        entry = _network_ports(one, *_range(f"sources[{index}].ports", ports))
        for number, other in enumerate(found):
            if _overlap(entry, other):
                reason = f"overlaps sources[{number}] (got {quoted(ports)})"
                raise ConfigError(f"sources[{index}].ports", reason)
        found.append(entry)
    return SourceRanges(tuple(found))


def _network_ports(one: Network, low: int, high: int) -> NetworkPorts:
    packed = one.network_address.packed
    prefix = one.prefixlen + 8 * (ADDRESS_BYTES - len(packed))
    return NetworkPorts(V4_MAPPED[: ADDRESS_BYTES - len(packed)] + packed, prefix, low, high)


def _overlap(one: NetworkPorts, other: NetworkPorts) -> bool:
    wider = one if one.prefix <= other.prefix else other
    same = wider._replace(low=0, high=MAX_PORT)
    addresses = same.has(one.address, 0) and same.has(other.address, 0)
    return addresses and one.low <= other.high and other.low <= one.high


def network(key: str, text: str) -> Network:
    """Return an IP network; raises ConfigError."""
    try:
        network = ip_network(text, strict=False)
    except ValueError as error:
        raise ConfigError(key, f"must be an IP network (got {quoted(text)})") from error
    if "%" in text:
        raise ConfigError(key, f"must not name an interface (got {quoted(text)})")
    try:
        return ip_network(text)
    except ValueError as error:
        reason = f"has bits set beyond its prefix, did you mean {network}? (got {quoted(text)})"
        raise ConfigError(key, reason) from error
