import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.directions import NatRanges
from tcp_pressure_exporter.settings.ranges import nat_ranges
from tcp_pressure_exporter.settings.reading import ConfigError
from tests.support.messages.socket_entries import sixteen_bytes

ADDRESS = "203.0.113.7"
BAD_RANGE = "must be a range such as 40000-49999"


def reason(*entries: tuple[str, str]) -> str:
    """Return the text of the ConfigError that these entries must cause."""
    with pytest.raises(ConfigError) as caught:
        nat_ranges(entries)
    return str(caught.value)


def test_ranges() -> None:
    """Each address has as many ports as its range, both ends included."""
    entries = [(ADDRESS, "40000-49999"), ("2001:db8::7", "1-65535"), ("203.0.113.8", "5-5")]
    assert nat_ranges(entries) == NatRanges(
        {
            sixteen_bytes(ADDRESS): 10_000,
            sixteen_bytes("2001:db8::7"): 65_535,
            sixteen_bytes("203.0.113.8"): 1,
        }
    )


def test_nothing() -> None:
    """Without an entry each address has the default range."""
    assert nat_ranges([]) == NatRanges()


def test_mapped_address() -> None:
    """A v4-mapped IPv6 address is the IPv4 address, even for duplicates."""
    mapped = f"::ffff:{ADDRESS}"
    assert nat_ranges([(mapped, "1-2")]) == nat_ranges([(ADDRESS, "1-2")])
    twice = reason((ADDRESS, "1-2"), (mapped, "1-2"))
    assert twice == f'nat[1].address: already has an entry (got "{mapped}")'


@pytest.mark.parametrize(
    ("address", "text"),
    [
        ("here", 'must be an IP address (got "here")'),
        ("", 'must be an IP address (got "")'),
        ("203.0.113.256", 'must be an IP address (got "203.0.113.256")'),
        ("203.0.113.7/32", 'must be an IP address (got "203.0.113.7/32")'),
        ("203.0.113.7\n", r'must be an IP address (got "203.0.113.7\n")'),
        ("fe80::1%eth0", 'must not name an interface (got "fe80::1%eth0")'),
        (ADDRESS, f'already has an entry (got "{ADDRESS}")'),
    ],
)
def test_bad_address(address: str, text: str) -> None:
    """A bad address is one line that names its place and the reason."""
    assert reason((ADDRESS, "1-2"), (address, "1-2")) == f"nat[1].address: {text}"


@pytest.mark.parametrize(
    "ports",
    [
        *("", "-", "40000", "40000-", "-40000", "40000:49999", "40000 - 49999", " 1-2", "1-2 "),
        *("49999-40000", "0-1", "0-0", "1-65536", "1-999999", "1-٢", "1-2\n", "1.0-2", "1-2-3"),
    ],
)
def test_bad_range(ports: str) -> None:
    """A range that is invalid, empty or outside 1 to 65535 is one line with what was written."""
    shown = ports.replace("\n", r"\n")
    assert reason((ADDRESS, ports)) == f'nat[0].ports: {BAD_RANGE} (got "{shown}")'


def test_address_before_ports() -> None:
    """Of two errors in an entry the first is named."""
    assert reason(("here", "there")).startswith("nat[0].address: ")


@given(st.text(max_size=20), st.text(max_size=20))
def test_any_text(address: str, ports: str) -> None:
    """Any text gives ranges or a ConfigError of one printable line."""
    try:
        ranges = nat_ranges([(address, ports)])
    except ConfigError as error:
        line = str(error)
    else:
        line = f"nat: {ranges.fewest}"
        assert 1 <= ranges.fewest <= 64_512
    assert line.isprintable()


@given(st.integers(1, 65_535), st.integers(1, 65_535))
def test_any_range(first: int, second: int) -> None:
    """Every range of ports has as many as lie between its ends."""
    low, high = sorted((first, second))
    ranges = nat_ranges([(ADDRESS, f"{low}-{high}")])
    assert ranges.of(sixteen_bytes(ADDRESS)) == high - low + 1
