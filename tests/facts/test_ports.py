import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import from_bitmap, port_range, port_set, ports_of, to_bitmap

PORT = st.integers(0, 65535)
PORTS = st.frozensets(PORT | st.sampled_from([0, 1, 7, 8, 65534, 65535]), max_size=60)


@given(PORTS)
def test_members(ports: frozenset[int]) -> None:
    """A set gives back its ports in ascending order, and knows their number."""
    assert list(ports_of(port_set(ports))) == sorted(ports)
    assert port_set(ports).bit_count() == len(ports)


@given(PORTS, PORTS)
def test_algebra(one: frozenset[int], other: frozenset[int]) -> None:
    """Union, intersection and difference are those of Python's sets."""
    first, second = port_set(one), port_set(other)
    assert set(ports_of(first | second)) == one | other
    assert set(ports_of(first & second)) == one & other
    assert set(ports_of(first & ~second)) == one - other


@given(st.integers(0, 65535), st.integers(0, 80))
def test_range(low: int, length: int) -> None:
    """A range holds both of its ends and all between."""
    high = min(low + length, 65535)
    assert list(ports_of(port_range(low, high))) == list(range(low, high + 1))


@pytest.mark.parametrize(("low", "high"), [(1, 0), (65535, 0), (40010, 40009)])
def test_empty_range(low: int, high: int) -> None:
    """A range whose high end is below its low end is empty."""
    assert port_range(low, high) == 0


def test_all_ports() -> None:
    """All 65,536 ports are one set."""
    assert port_range(0, 65535).bit_count() == 65536


def test_repeated_port() -> None:
    """A port that is named twice counts once."""
    assert list(ports_of(port_set([443, 443]))) == [443]


@given(PORTS)
def test_bitmap(ports: frozenset[int]) -> None:
    """A bitmap has 8192 bytes, port p at bit p mod 8 of byte p div 8, and converts back."""
    bitmap = to_bitmap(port_set(ports))
    assert len(bitmap) == 8192
    assert {
        8 * i + bit for i, byte in enumerate(bitmap) for bit in range(8) if byte >> bit & 1
    } == (ports)
    assert from_bitmap(bitmap) == port_set(ports)
