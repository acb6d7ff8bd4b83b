"""The plot of the benchmark suite."""

from xml.etree import ElementTree as ET

import pytest

from benchmarks.chart import Scale, ratio_chart, spread
from benchmarks.svg import element, text
from tests.benchmarks.sample_results import case, results

SVG = "{http://www.w3.org/2000/svg}"


@pytest.mark.parametrize(("value", "pixel"), [(1, 100), (10, 150), (100, 200)])
def test_logarithmic_scale(value: float, pixel: float) -> None:
    """Ten is halfway between one and a hundred."""
    assert Scale(1, 100, 100, 200)(value) == pytest.approx(pixel)


def test_labels_are_spread() -> None:
    """Labels that would overlap move down, others stay, and the order is kept."""
    assert spread([50, 10, 12, 100], 15) == [50, 10, 25, 100]


def test_hostile_text_is_escaped() -> None:
    """A name can end neither its element nor its attribute."""
    assert text((1, 2), "<a&b>", id='"') == '<text x="1" y="2" id=\'"\'>&lt;a&amp;b&gt;</text>'


def test_attribute_names() -> None:
    """Underscores become hyphens, except that a final one vanishes."""
    assert element("g", class_="x", stroke_width=2.0) == '<g class="x" stroke-width="2"></g>'


def test_below_the_floor() -> None:
    """A contender below the floor is in the picture, below the line that marks it."""
    root = ET.fromstring(ratio_chart(results(case(10_000, 0.3))))  # noqa: S314 - as above
    (floor,) = (line for line in root.findall(f"{SVG}line") if line.attrib.get("class") == "floor")
    lowest = max(float(dot.attrib["cy"]) for dot in root.findall(f"{SVG}circle"))
    assert float(floor.attrib["y1"]) < lowest < float(root.attrib["height"])


def test_chart() -> None:
    """Each contender is a line with a dot per case; light pools are hollow dots off the line."""
    cases = (case(10_000, 2.0), case(100_000, 1.25), case(100_000, 1.5, light=True))
    root = ET.fromstring(ratio_chart(results(*cases)))  # noqa: S314 - we wrote it ourselves
    lines = root.findall(f"{SVG}polyline")
    assert [len(line.attrib["points"].split()) for line in lines] == [2, 2]
    hollow = [dot for dot in root.findall(f"{SVG}circle") if dot.attrib["fill"] == "none"]
    assert len(hollow) == 2
    words = {text.text for text in root.findall(f"{SVG}text")}
    assert {"exporter, compiled parser", "node_exporter, tcpstat only", "100,000"} <= words
    assert not [word for word in words if word and "empty namespace" in word]
