"""Whatever /proc's files hold, a sample has no false number, and only what needs them is lost."""

import math
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.metrics_core import Metric

from tcp_pressure_exporter.collectors.health import NAMESPACE_FAMILIES
from tcp_pressure_exporter.daemon.collectors import all_families
from tests.support.fakes.fake_host import FakeHost
from tests.support.fakes.fake_procfs import FILES

NUMBERS = st.sampled_from(
    ["0", "-1", "65536", "4294967296", "9" * 30, "1e9", "0x10", "7 7", "", "٣"]
)
# As the kernel gives them: a setting may be negative, and so may a broken counter.
ITS_OWN_WORDS = {"tcp_pressure_sysctl", "tcp_pressure_kernel_events_total"}
WORDS = [word for text in FILES.values() for word in text.split()]


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> FakeHost:
    """Sample one fake host in all examples: each must leave it fit for the next."""
    return FakeHost(tmp_path_factory.mktemp("host"))


@st.composite
def spoilt(draw: st.DrawFn, text: str) -> bytes:
    """Return a file with words replaced, lines lost, doubled or swapped, or its end cut off."""
    lines = text.splitlines(keepends=True)
    lines = draw(st.permutations(lines)) if draw(st.booleans()) else lines
    lines = (
        draw(st.lists(st.sampled_from(lines), max_size=2 * len(lines)))
        if draw(st.booleans())
        else lines
    )
    words = " ".join(lines).split(" ")
    for place in draw(st.lists(st.integers(0, len(words) - 1), max_size=3)):
        words[place] = draw(NUMBERS | st.sampled_from(WORDS))
    content = " ".join(words).encode()
    return content[: draw(st.integers(0, len(content)))] if draw(st.booleans()) else content


CONTENTS = st.sampled_from(sorted(FILES)).flatmap(
    lambda name: st.tuples(st.just(name), st.binary(max_size=300) | spoilt(FILES[name]))
)


def families(host: FakeHost) -> Iterator[Metric]:
    sample = host.take()
    for family in (*NAMESPACE_FAMILIES, *all_families()):
        yield family.metric([((sample.netns,), sample)])


@given(st.lists(CONTENTS, min_size=1, max_size=3))
def test_any_content(host: FakeHost, contents: list[tuple[str, bytes]]) -> None:
    """Numbers are finite, except where infinity is allowed, and not negative; nothing is raised.

    Nothing lingers: with the original files every collector works.
    """
    for name, text in FILES.items():
        host.procfs.write(name, text)
    assert not {name for name, outcome in host.take().outcomes() if outcome.error}
    for name, content in contents:
        host.procfs.write(name, content)
    for metric in families(host):
        for row in metric.samples:
            assert row.value >= 0 or row.name in ITS_OWN_WORDS, row
            assert math.isfinite(row.value) or "exhaustion" in row.name, row
