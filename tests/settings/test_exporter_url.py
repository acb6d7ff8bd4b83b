"""Addresses of exporters, as --from takes them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.settings.values import parse_exporter


@pytest.mark.parametrize(
    ("text", "host", "port", "path"),
    [
        ("http://127.0.0.1:10190", "127.0.0.1", 10190, ""),
        ("http://127.0.0.1:10190/", "127.0.0.1", 10190, ""),
        ("http://[::1]:10190", "::1", 10190, ""),
        ("http://edge-1", "edge-1", 80, ""),
        ("https://edge-1/pressure/", "edge-1", 443, "/pressure"),
    ],
)
def test_address(text: str, host: str, port: int, path: str) -> None:
    """An HTTP or HTTPS URL leads to a host and a port; the rest is a prefix of paths."""
    found = parse_exporter(text)
    assert found is not None
    assert (found.text, found.host, found.port, found.path) == (text, host, port, path)
    assert found.secure is text.startswith("https:")


def test_nobody() -> None:
    """The word none means no exporter."""
    assert parse_exporter("none") is None


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            "None",
            "127.0.0.1:10190",
            "ftp://host",
            "file:///etc/passwd",
            "http://",
            "http:///x",
        ),
        *("http://host:99999", "http://host:0x50", "http://user:secret@host", "http://host?x=1"),
        *("http://host#x", "http://ho st", "http://host/\r\nX: y", "http://host/\x1b[31m"),
        *("http://h\xf6st", "http://" + "a" * 3_000),
    ],
)
def test_refused(text: str) -> None:
    """Anything else is refused, and so is a URL with a password, which others could see."""
    with pytest.raises(ValueError, match="none"):
        parse_exporter(text)


@given(st.text())
def test_any_text(text: str) -> None:
    """Any text is an address that fits on one line, or refused."""
    try:
        found = parse_exporter(text)
    except ValueError:
        return
    if found:
        assert found.text.isprintable()
        assert 0 < found.port < 65_536
