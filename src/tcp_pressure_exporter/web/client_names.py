"""The names that a client's certificate gives it: its subject alternative names."""

from collections.abc import Mapping
from ipaddress import IPv6Address, ip_address
from typing import Any

_KINDS = {"DNS", "email", "URI"}


def client_names(certificate: Mapping[str, Any]) -> set[str]:
    """Return the DNS names, e-mail addresses, IP addresses and URIs of a certificate.

    `certificate` is what ssl.SSLObject.getpeercert() returns. Addresses are written as Go writes
    them, as exporter-toolkit compares texts: RFC 5952 for IPv6, the IPv4 form for v4-mapped ones.
    """
    names = certificate.get("subjectAltName", ())
    return {text for kind, text in names if kind in _KINDS} | {
        _written(text) for kind, text in names if kind == "IP Address"
    }


def _written(address: str) -> str:
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return address  # of another length than 4 or 16 bytes: OpenSSL says "<invalid>"
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(parsed)
