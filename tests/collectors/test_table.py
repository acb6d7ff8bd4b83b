import re
from typing import Any

from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.collectors.health import (
    EXPORTER_FAMILIES,
    NAMESPACE_FAMILIES,
    SAMPLE_FAMILIES,
)
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, ROWS, all_families
from tcp_pressure_exporter.sample import sample

FAMILIES: list[Family[Any]] = [*NAMESPACE_FAMILIES, *all_families()]
OTHERS: list[Family[Any]] = [*EXPORTER_FAMILIES, *SAMPLE_FAMILIES]
NAME = re.compile(r"tcp_pressure_[a-z0-9]+(_[a-z0-9]+)*")


def test_names() -> None:
    """Names are unique, in snake case under one prefix; counters, and only they, end in _total."""
    names = [family.name for family in [*FAMILIES, *OTHERS]]
    assert len(set(names)) == len(names)
    for family in [*FAMILIES, *OTHERS]:
        assert NAME.fullmatch(family.name)
        assert family.name.endswith("_total") == (family.kind == "counter")


def test_help() -> None:
    """Each family says what it means, in a one-line sentence."""
    for family in [*FAMILIES, *OTHERS]:
        assert family.help.endswith(".")
        assert family.help[0] == family.help[0].upper()
        assert "\n" not in family.help
        assert "  " not in family.help


def test_namespace_label() -> None:
    """Series about a namespace say which one, in their first label."""
    assert {family.labels[0] for family in FAMILIES} == {"netns"}


def test_one_row_for_each_key() -> None:
    """Each key of a part in sample/ is the key of exactly one row."""
    keys = [value for value in vars(sample).values() if isinstance(value, sample.Key)]
    assert sorted(row.key.name for row in ROWS) == sorted(key.name for key in keys)
    assert len(COLLECTORS) == len(ROWS)


def test_descriptions() -> None:
    """Each collector can be described in a line of --help."""
    for name, entry in COLLECTORS.items():
        assert entry.description
        assert entry.families or name == "nat", "NAT pools are rows of the families of pools"
