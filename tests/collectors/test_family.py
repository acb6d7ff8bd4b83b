import pytest

from tcp_pressure_exporter.collectors.family import Family, Row
from tests.collectors.exposition import exposition, golden

PORTS: Family[dict[str, float]] = Family(
    "ports",
    "Ports.",
    ("netns", "direction"),
    lambda subject: [((k,), v) for k, v in subject.items()],
)


def family_of(rows: list[Row], labels: tuple[str, ...] = ("netns", "direction")) -> Family[None]:
    return Family("ports", "Ports.", labels, lambda _subject: rows)


def test_rows() -> None:
    """Each subject's rows appear under its leading labels, in their order."""
    metric = PORTS.metric([(("a",), {"in": 1, "out": 2.5}), (("b",), {"in": 3})])
    assert exposition([metric]) == golden("""
        # TYPE ports gauge
        ports{direction="in",netns="a"} 1.0
        ports{direction="out",netns="a"} 2.5
        ports{direction="in",netns="b"} 3.0
    """)


def test_no_rows() -> None:
    """Without subjects the family has its name, meaning and type, and no value."""
    metric = PORTS.metric()
    assert (metric.name, metric.documentation, metric.type) == ("ports", "Ports.", "gauge")
    assert metric.samples == []


def test_no_labels() -> None:
    """A family without labels has one bare value."""
    metric = family_of([((), 7)], labels=()).metric([((), None)])
    assert exposition([metric]) == "# TYPE ports gauge\nports 7.0\n"


def test_counter() -> None:
    """A counter keeps its name, which ends in _total."""
    closes: Family[float] = Family(
        "closes_total", "Closes.", (), lambda value: [((), value)], kind="counter"
    )
    assert exposition([closes.metric([((), 3.0)])]) == golden("""
        # TYPE closes_total counter
        closes_total 3.0
    """)


@pytest.mark.parametrize("values", [(), ("in", "more")])
@pytest.mark.parametrize("leading", [("a",)])
def test_wrong_number_of_labels(leading: tuple[str, ...], values: tuple[str, ...]) -> None:
    """Too few or too many label values are an error, not a series under a wrong name."""
    with pytest.raises(ValueError, match=r"^ports: labels \('netns', 'direction'\), values "):
        family_of([(values, 1)]).metric([(leading, None)])


def test_wrong_number_of_leading_labels() -> None:
    """The leading values count too."""
    with pytest.raises(ValueError, match=r"^ports: "):
        family_of([(("in",), 1)]).metric([((), None)])


def test_hostile_label_values() -> None:
    """Quotes, backslashes and line ends in a label value are escaped: none makes a line."""
    metric = family_of([(('a"b\\c\nd',), 1)]).metric([(("host",), None)])
    assert exposition([metric]) == (
        '# TYPE ports gauge\nports{direction="a\\"b\\\\c\\nd",netns="host"} 1.0\n'
    )
