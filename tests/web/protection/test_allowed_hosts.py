from collections.abc import Iterator

import pytest

from tcp_pressure_exporter.web.protection.allowed_hosts import AllowedHosts
from tests.web.harness import Serving, exchange, get, request_bytes

PATHS = (
    "/",
    "/metrics",
    "/api/v1/status",
    "/api/v1/incidents",
    "/static/a.0123.css",
    "/-/healthy",
    "/-/ready",
    "/no",
)


@pytest.fixture(scope="module")
def address() -> Iterator[tuple[str, int]]:
    """Serve for a name, an IPv4 and an IPv6 address."""
    hosts = ("Exporter.example.", "10.0.0.1", "[2001:DB8:0::1]")
    with Serving(allowed_hosts=hosts) as serving:
        yield serving.address


def status(address: tuple[str, int], *lines: str, version: str = "1.1", target: str = "/") -> int:
    """Return the status that a request with these header lines gets."""
    head = "\r\n".join((f"GET {target} HTTP/{version}", *lines, "Connection: close"))
    [reply] = exchange(address, f"{head}\r\n\r\n".encode("latin-1"))
    return reply.status


@pytest.mark.parametrize(
    "host",
    [
        "exporter.example",
        "exporter.example:10190",
        "exporter.example:1",
        "exporter.example:",
        "EXPORTER.Example.",
        "exporter.example.:10190",
        "10.0.0.1",
        "10.0.0.1:10190",
        "[2001:db8::1]",
        "[2001:db8:0:0:0:0:0:1]:10190",
    ],
)
def test_allowed(address: tuple[str, int], host: str) -> None:
    """An allowed host is answered, however it is written and whatever the port."""
    assert status(address, f"Host: {host}") == 200


@pytest.mark.parametrize(
    "host",
    [
        "attacker.example",
        "attacker.example:10190",
        "exporter.example.attacker.example",
        "sub.exporter.example",
        "exporter.example..",
        "xexporter.example",
        "exporter",
        "localhost",
        "10.0.0.10",
        "10.0.0.1.attacker.example",
        "[2001:db8::2]",
        "[::ffff:10.0.0.1]",
        "",
        ":10190",
        ".",
    ],
)
def test_others(address: tuple[str, int], host: str) -> None:
    """Any other host gets 421, Misdirected (RFC 9110 section 15.5.20), and learns nothing else."""
    [reply] = exchange(
        address, f"GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode()
    )
    assert (reply.status, reply.body) == (421, b"This exporter does not serve this host name.\n")


@pytest.mark.parametrize(
    "host", ["exporter.example@attacker.example", "a b", "[::1", "\xe9", "a,b c"]
)
def test_no_host(address: tuple[str, int], host: str) -> None:
    """What is not a host gets 400 (RFC 9112 section 3.2)."""
    assert status(address, f"Host: {host}") == 400


def test_missing_and_duplicate(address: tuple[str, int]) -> None:
    """No Host, or two, the same or not, is 400 in HTTP/1.1; HTTP/1.0 without one is misdirected."""
    allowed = "Host: exporter.example"
    assert status(address) == 400
    assert status(address, allowed, allowed) == 400
    assert status(address, allowed, "Host: attacker.example") == 400
    assert status(address, version="1.0") == 421
    assert status(address, allowed, version="1.0") == 200


def test_absolute_form(address: tuple[str, int]) -> None:
    """The host of a target in absolute form counts, not the field (RFC 9112 section 3.2.2)."""
    target = "http://attacker.example/"
    assert status(address, "Host: exporter.example", target=target) == 421
    assert status(address, "Host: attacker.example", target="http://exporter.example:80/") == 200


@pytest.mark.parametrize("path", PATHS)
def test_every_page(address: tuple[str, int], path: str) -> None:
    """Every page is protected, including health checks and pages that do not exist."""
    assert get(address, path).status == 421  # its Host is localhost


def test_each_request_of_a_connection(address: tuple[str, int]) -> None:
    """The second request of a connection is checked like the first."""
    first = b"GET /-/healthy HTTP/1.1\r\nHost: 10.0.0.1\r\n\r\n"
    replies = exchange(address, first + request_bytes("GET", "/-/healthy", "Connection: close"))
    assert [reply.status for reply in replies] == [200, 421]


@pytest.mark.parametrize("host", ["attacker.example", "127.0.0.1:1", "[::1]", ""])
def test_none_set(host: str) -> None:
    """If no host is set, the exporter answers for any."""
    with Serving() as serving:
        assert status(serving.address, f"Host: {host}", target="/metrics") == 200


@pytest.mark.parametrize(
    "text",
    ["", "a:80", "[::1]:80", "http://a", "a/b", "*", "*.example", "a b", "b\xfccher.example", "."],
)
def test_bad_flag(text: str) -> None:
    """A flag that could match nothing, or seems to match more than it does, is refused."""
    with pytest.raises(ValueError, match="must be a name or an address, without a port"):
        AllowedHosts.parse([text])


@pytest.mark.parametrize("text", ["1::2::3", "[:::]", "1:2:3"])
def test_bad_address(text: str) -> None:
    """So is an invalid IPv6 address."""
    with pytest.raises(ValueError, match="is no IPv6 address"):
        AllowedHosts.parse([text])


def test_ipv6_flag() -> None:
    """An IPv6 address may be written with or without brackets."""
    assert AllowedHosts.parse(["::1"]) == AllowedHosts.parse(["[0::1]"])
