import ssl
from pathlib import Path

import pytest

from tcp_pressure_exporter.web.protection.tls import client_names
from tests.support.labs.certificates import Authority


def decoded(certificate: Path) -> dict[str, object]:
    """Return what getpeercert() would, from a file."""
    found: dict[str, object] = ssl._ssl._test_decode_cert(str(certificate))  # type: ignore[attr-defined]  # noqa: SLF001  # as CPython's own tests do
    return found


@pytest.mark.parametrize(
    ("names", "found"),
    [
        ("DNS:Prom.example.org,DNS:*.example.org", {"Prom.example.org", "*.example.org"}),
        ("email:a@example.org", {"a@example.org"}),
        ("URI:spiffe://example.org/prom", {"spiffe://example.org/prom"}),
        ("IP:192.0.2.1", {"192.0.2.1"}),
        # RFC 5952, as Go's net.IP.String() writes it
        ("IP:2001:DB8:0:0:0:0:0:1", {"2001:db8::1"}),
        ("IP:::ffff:192.0.2.1", {"192.0.2.1"}),
        ("dirName:leaf,DNS:x,otherName:1.2.3;UTF8:y", {"x"}),
    ],
)
def test_names(tmp_path: Path, names: str, found: set[str]) -> None:
    """DNS names, addresses, e-mail addresses and URIs count, written as exporter-toolkit does."""
    certificate = Authority(tmp_path).sign("client", names).cert
    assert client_names(decoded(certificate)) == found


def test_no_names() -> None:
    """A certificate without alternative names has none; its common name is not one."""
    assert client_names({"subject": ((("commonName", "prom"),),)}) == set()
    assert client_names({}) == set()
