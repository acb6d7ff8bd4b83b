from random import Random

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pools.listing import ListingRule, select

Ratios = dict[str, float]


def fullest(ratios: Ratios, listing: ListingRule, incumbents: list[str] | None = None) -> list[str]:
    return select(ratios, lambda ratio: ratio, listing, incumbents or [])


def test_fullest_first() -> None:
    """The fullest pools are listed, fullest first."""
    ratios = {"a": 0.1, "b": 0.9, "c": 0.5, "d": 0.3}
    assert fullest(ratios, ListingRule(top=3)) == ["b", "c", "d"]


def test_defaults() -> None:
    """Without configuration the ten fullest pools from 1 % up are listed."""
    ratios = {f"p{i:02}": i / 1000 for i in range(30)}
    assert fullest(ratios, ListingRule()) == [f"p{i}" for i in range(29, 19, -1)]
    assert fullest({"a": 0.01, "b": 0.0099}, ListingRule()) == ["a"]


def test_none() -> None:
    """With top 0, or without any pool, none is listed."""
    assert fullest({"a": 0.9}, ListingRule(top=0)) == []
    assert fullest({}, ListingRule()) == []


def test_threshold_of_zero() -> None:
    """With a threshold of 0 an empty pool can be listed too."""
    assert fullest({"a": 0.0}, ListingRule(min_ratio=0.0)) == ["a"]


def test_newcomer_must_be_clearly_fuller() -> None:
    """A listed pool stays until another is more than a tenth fuller."""
    one = ListingRule(top=1)
    assert fullest({"a": 0.50, "b": 0.54}, one, ["a"]) == ["a"]
    assert fullest({"a": 0.50, "b": 0.56}, one, ["a"]) == ["b"]
    assert fullest({"a": 0.50, "b": 0.54}, one, ["b"]) == ["b"]


def test_leaving() -> None:
    """A listed pool stays down to 80 % of the threshold; one that is not listed must reach it."""
    listing = ListingRule(min_ratio=0.10)
    ratios = {"a": 0.09}
    assert fullest(ratios, listing, ["a"]) == ["a"]
    assert fullest(ratios, listing) == []
    assert fullest({"a": 0.079}, listing, ["a"]) == []


def test_incumbent_that_is_gone() -> None:
    """A pool without sockets is not listed, whatever it was before."""
    assert fullest({"b": 0.2}, ListingRule(), ["a", "b"]) == ["b"]


def test_order_is_by_ratio_not_by_seniority() -> None:
    """If both are listed, the fuller one comes first, even if the other was there before."""
    assert fullest({"a": 0.50, "b": 0.54}, ListingRule(top=2), ["a"]) == ["b", "a"]


def test_empty_pools_do_not_take_turns() -> None:
    """With a threshold of 0, of two pools that are both empty the listed one stays."""
    listing = ListingRule(top=1, min_ratio=0.0)
    assert fullest({"a": 0.0, "b": 0.0}, listing, ["b"]) == ["b"]
    assert fullest({"b": 0.0, "a": 0.0}, listing, ["a"]) == ["a"]


RATIOS = st.dictionaries(
    st.sampled_from("abcdefghij"), st.floats(0, 1.2) | st.sampled_from([0.1, 0.5, 1.0])
)
LISTINGS = st.builds(ListingRule, st.integers(0, 12), st.floats(0, 1))
INCUMBENTS = st.lists(st.sampled_from("abcdefghijkl"), unique=True)


@given(RATIOS, LISTINGS, INCUMBENTS)
def test_bounds(ratios: Ratios, listing: ListingRule, incumbents: list[str]) -> None:
    """Never more than top, none twice, none below its threshold, and fullest first."""
    chosen = fullest(ratios, listing, incumbents)
    values = [ratios[key] for key in chosen]
    assert len(chosen) <= listing.top
    assert len(set(chosen)) == len(chosen)
    assert values == sorted(values, reverse=True)
    for key in chosen:
        share = 0.8 if key in incumbents else 1.0
        assert ratios[key] >= share * listing.min_ratio


@given(RATIOS, LISTINGS, INCUMBENTS)
def test_none_is_forgotten(ratios: Ratios, listing: ListingRule, incumbents: list[str]) -> None:
    """While there is room, every pool at the threshold is listed; no clearly fuller one waits."""
    chosen = fullest(ratios, listing, incumbents)
    waiting = {key for key, ratio in ratios.items() if ratio >= listing.min_ratio} - set(chosen)
    assert not waiting or len(chosen) == listing.top
    for key in waiting:
        assert all(ratios[key] <= 1.1 * ratios[listed] for listed in chosen)


@given(RATIOS, LISTINGS, INCUMBENTS, st.randoms(use_true_random=False))
def test_stays_as_it_is(
    ratios: Ratios, listing: ListingRule, incumbents: list[str], random: Random
) -> None:
    """While the ratios stay, so does the list, whatever the order of pools in the dump."""
    chosen = fullest(ratios, listing, incumbents)
    for _ in range(3):
        shuffled = dict(random.sample(sorted(ratios.items()), len(ratios)))
        again = fullest(shuffled, listing, chosen)
        assert set(again) == set(chosen)
        chosen = again


@given(
    st.floats(0.2, 1.0),
    st.lists(st.tuples(st.floats(0.96, 1.04), st.floats(0.96, 1.04)), min_size=2, max_size=20),
)
def test_noise(ratio: float, noise: list[tuple[float, float]]) -> None:
    """Two pools that are equally full except for noise of 4 % do not take turns."""
    listed: list[str] = []
    seen = set()
    for one, other in noise:
        listed = fullest({"a": ratio * one, "b": ratio * other}, ListingRule(top=1), listed)
        seen.add(tuple(listed))
    assert len(seen) == 1
