import re
from dataclasses import fields
from typing import Any

from tcp_pressure_exporter.collectors.family import Family
from tcp_pressure_exporter.collectors.health import (
    EXPORTER_FAMILIES,
    NAMESPACE_FAMILIES,
    SAMPLE_FAMILIES,
)
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, all_families
from tcp_pressure_exporter.sample.sample import NamespaceSample

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
    """Each family says what it means, in a sentence of one line."""
    for family in [*FAMILIES, *OTHERS]:
        assert family.help.endswith(".")
        assert family.help[0] == family.help[0].upper()
        assert "\n" not in family.help
        assert "  " not in family.help


def test_namespace_label() -> None:
    """What is about a namespace says about which, first of all labels."""
    assert {family.labels[0] for family in FAMILIES} == {"netns"}


def test_one_field_of_the_sample_for_each_collector() -> None:
    """A collector is switched by the name of its part of the sample."""
    names = [field.name for field in fields(NamespaceSample)]
    assert names == ["netns", *COLLECTORS]


def test_descriptions() -> None:
    """Each collector can be described in a line of --help."""
    for name, entry in COLLECTORS.items():
        assert entry.description
        assert entry.families or name == "nat", "NAT pools are rows of the families of pools"
