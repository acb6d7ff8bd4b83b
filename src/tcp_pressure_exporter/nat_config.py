"""The part `nat` of the configuration file: the ports of each address a gateway translates to."""

import re
from collections.abc import Iterable
from ipaddress import IPv6Address, ip_address

from tcp_pressure_exporter.config_errors import ConfigError
from tcp_pressure_exporter.escaping import quoted
from tcp_pressure_exporter.facts.addresses import V4_MAPPED
from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.pools.directions import NatRanges

RANGE = re.compile("([0-9]{1,5})-([0-9]{1,5})")


def nat_ranges(entries: Iterable[tuple[str, str]]) -> NatRanges:
    """Return the ports of each address; entries are its text and its range. Raises ConfigError."""
    ports: dict[bytes, int] = {}
    for index, (address, text) in enumerate(entries):
        packed = _address(f"nat[{index}].address", address)
        if packed in ports:
            reason = f"has an entry already (got {quoted(address)})"
            raise ConfigError(f"nat[{index}].address", reason)
        ports[packed] = _ports(f"nat[{index}].ports", text)
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


def _ports(key: str, text: str) -> int:
    match = RANGE.fullmatch(text)
    low, high = (int(match[1]), int(match[2])) if match else (0, 0)
    if not 1 <= low <= high <= MAX_PORT:
        raise ConfigError(key, f"must be a range such as 40000-49999 (got {quoted(text)})")
    return high - low + 1
