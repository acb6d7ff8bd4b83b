import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sample.namespaces import EMPTY, QUIET, NamespaceChoice, busy

COUNTS = {1: 100, 2: 300, 3: 200}


@pytest.mark.parametrize(
    ("include", "exclude", "wanted"),
    [
        (None, None, {"web", "web-1", "db"}),
        ("web", None, {"web"}),
        ("web.*", None, {"web", "web-1"}),
        (None, "web", {"web-1", "db"}),
        ("web.*|db", "web-.*", {"web", "db"}),
        ("", None, set()),
        (None, ".*", set()),
    ],
)
def test_wants(include: str | None, exclude: str | None, wanted: set[str]) -> None:
    """A label is wanted if all of it matches the include pattern and not the exclude pattern."""
    choice = NamespaceChoice(
        re.compile(include) if include is not None else None,
        re.compile(exclude) if exclude is not None else None,
    )
    assert {label for label in ("web", "web-1", "db") if choice.wants(label)} == wanted


@pytest.mark.parametrize(
    ("sockets", "sampled", "worth"), [(49, False, False), (50, False, True), (39, True, False)]
)
def test_busy(sockets: int, *, sampled: bool, worth: bool) -> None:
    """A namespace is worth a walk from 50 sockets on."""
    assert (busy({7: sockets}, [7] if sampled else []) == [7]) is worth


@pytest.mark.parametrize(("sockets", "worth"), [(0, False), (1, True)])
def test_busy_where_none_costs_more(sockets: int, *, worth: bool) -> None:
    """Where all are found at once a namespace is worth a sample from its first socket on."""
    assert (busy({7: sockets}, [], EMPTY) == [7]) is worth
    assert (NamespaceChoice().busiest({7: sockets}, [], EMPTY) == [7]) is worth


def test_busy_does_not_flap() -> None:
    """A sampled one stays so down to 40 sockets."""
    assert busy({7: 40, 8: 40}, [7]) == [7]


def test_no_pool_of_a_quiet_one_would_be_listed() -> None:
    """With as few sockets no pool reaches a fifth of 1 % of the default range's 28,232 ports."""
    assert QUIET / 28232 < 0.01 / 5


def test_busiest() -> None:
    """The busiest are sampled, those with the most sockets first."""
    assert NamespaceChoice(most=2).busiest(COUNTS, []) == [2, 3]
    assert NamespaceChoice(most=9).busiest(COUNTS, []) == [2, 3, 1]


def test_busiest_do_not_take_turns() -> None:
    """A namespace that is sampled stays until another is busier by more than a tenth."""
    choice = NamespaceChoice(most=1)
    assert choice.busiest({1: 100, 2: 109}, [1]) == [1]
    assert choice.busiest({1: 100, 2: 111}, [1]) == [2]


@given(
    st.dictionaries(st.integers(1, 99), st.integers(0, 500), max_size=40),
    st.sets(st.integers(1, 99)),
    st.integers(1, 9),
)
def test_bounds(counts: dict[int, int], sampled: set[int], most: int) -> None:
    """Never are more sampled than allowed, none twice, and no quiet ones."""
    chosen = NamespaceChoice(most=most).busiest(counts, sampled)
    assert len(chosen) == len(set(chosen)) == min(most, len(busy(counts, sampled)))
    assert all(counts[inode] >= (40 if inode in sampled else QUIET) for inode in chosen)


def test_asked_for_by_name() -> None:
    """Included namespaces are worth a walk even without sockets, so every label is checked."""
    counts = {1: 0, 2: 300, 3: 7}
    named = NamespaceChoice(re.compile("web"), most=2)
    assert set(named.candidates(counts, ())) == {1, 2, 3}
    assert named.busiest(counts, ()) == [2, 3]
    assert NamespaceChoice(exclude=re.compile("web")).candidates(counts, ()) == [2]
