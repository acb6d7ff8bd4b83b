from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.web.listen import ListenAddress, ListenError, parse_address


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        (":10190", "", 10190),
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("0.0.0.0:65535", "0.0.0.0", 65535),
        ("[::1]:10190", "::1", 10190),
        ("[::]:10190", "::", 10190),
        ("[fe80::1%eth0]:10190", "fe80::1%eth0", 10190),
        ("[::ffff:10.0.0.1]:80", "::ffff:10.0.0.1", 80),
        ("localhost:10190", "localhost", 10190),
        ("exporter-1.example.org.:80", "exporter-1.example.org.", 80),
    ],
)
def test_address_forms(text: str, host: str, port: int) -> None:
    """Every form of exporter-toolkit's --web.listen-address is understood."""
    assert parse_address(text) == ListenAddress(host, port)


def test_unix_path() -> None:
    """'unix:///path' is a socket in the file system, with a path as long as the kernel takes."""
    longest = "/" + "x" * 106  # unix(7): sun_path has 108 bytes, the last a NUL
    assert parse_address("unix:///run/x.sock") == Path("/run/x.sock")
    assert parse_address(f"unix://{longest}") == Path(longest)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "host:port"),
        ("localhost", "host:port"),
        ("10190", "host:port"),
        ("localhost:", "port must be a number"),
        ("localhost:http", "port must be a number"),
        ("localhost:-1", "port must be a number"),
        ("localhost:65536", "port must be a number"),
        ("localhost:999999", "port must be a number"),
        ("localhost:٣", "port must be a number"),
        ("::1:10190", "brackets"),
        ("2001:db8::1:80", "brackets"),
        ("[::1]", "port must be a number"),
        ("[]:80", "neither a name nor an address"),
        ("[localhost]:80", "neither a name nor an address"),
        ("my host:80", "neither a name nor an address"),
        ("-x:80", "neither a name nor an address"),
        ("http://localhost:80", "brackets"),
        ("a\nb:80", "neither a name nor an address"),
        ("unix://run/x.sock", "the path must be absolute"),
        ("unix:///run/", "the path must be absolute"),
        ("unix:///run/x\0y", "the path must be absolute"),
        ("unix:///" + "x" * 107, "107 bytes at most"),
    ],
)
def test_bad_address(text: str, reason: str) -> None:
    """What is not an address is refused in one line that quotes it."""
    with pytest.raises(ListenError, match=reason) as caught:
        parse_address(text)
    assert "\n" not in str(caught.value)
    assert repr(text) in str(caught.value)


@settings(deadline=None)
@given(st.text())
def test_any_text(text: str) -> None:
    """Any text is either an address with a port in range or a one-line ListenError."""
    try:
        address = parse_address(text)
    except ListenError as error:
        assert len(str(error).splitlines()) == 1  # noqa: PT017 - both outcomes are checked
    else:
        assert isinstance(address, Path) or 0 <= address.port <= 65535


@settings(deadline=None)
@given(st.ip_addresses(), st.integers(0, 65535))
def test_round_trip(ip: object, port: int) -> None:
    """Every IPv4 and IPv6 address, with every port, comes back as written."""
    host = str(ip)
    written = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    assert parse_address(written) == ListenAddress(host, port)
