"""The configuration key `sources`: ports that applications choose themselves."""

import pytest

from tcp_pressure_exporter.facts.tally import NetworkPorts
from tcp_pressure_exporter.settings.config import parse_config
from tcp_pressure_exporter.settings.ranges import source_ranges
from tcp_pressure_exporter.settings.reading import ConfigError
from tests.support.messages.socket_entries import sixteen_bytes


def test_ranges() -> None:
    """Each entry gives its ports to each address of its network; an address may have several."""
    config = parse_config("""
sources:
  - {address: 10.0.0.2, ports: 20000-29999}
  - {address: 10.0.0.0/24, ports: 1000-1999}
  - {address: "fd00::/64", ports: 1-65535}
""")
    here = sixteen_bytes("10.0.0.2")
    assert [(found.low, found.high) for found in config.sources.of(here)] == [
        (20_000, 29_999), (1000, 1999),
    ]  # fmt: skip
    assert config.sources.ranges[0] == NetworkPorts(here, 128, 20_000, 29_999)
    assert config.sources.ranges[2] == NetworkPorts(sixteen_bytes("fd00::"), 64, 1, 65_535)
    assert config.sources.of(sixteen_bytes("10.0.1.2")) == ()


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ([("10.0.0.300", "1-2")], r"^sources\[0\].address: must be an IP network"),
        ([("10.0.0.1/24", "1-2")], r"^sources\[0\].address: has bits set beyond its prefix"),
        ([("10.0.0.1", "2-1")], r"^sources\[0\].ports: must be a range such as 40000-49999"),
        ([("10.0.0.1", "0-1")], r"^sources\[0\].ports: must be a range"),
        (
            [("10.0.0.0/24", "1-9"), ("10.0.0.1", "9-12")],
            r"^sources\[1\].ports: overlaps sources\[0\] \(got \"9-12\"\)$",
        ),
    ],
)
def test_refused(entries: list[tuple[str, str]], reason: str) -> None:
    """A bad entry is refused with its key and the reason."""
    with pytest.raises(ConfigError, match=reason):
        source_ranges(entries)
