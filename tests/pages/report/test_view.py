"""What the keys change in the watched report."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.pages.report.view import KEYS, ORDERS, Room, View, pressed, resource
from tests.pages.report.observations import CLIENTS, MEMORY, QUEUE, UPSTREAM

RESOURCES = [("outbound", "a"), ("inbound", "b"), ("limit", "")]
ROOM = Room(RESOURCES, page=10, most=25)


def after(*keys: str, room: Room = ROOM, view: View | None = None) -> View:
    """Return the view after some keys."""
    view = view or View()
    for key in keys:
        view = pressed(view, key, room)
    return view


@pytest.mark.parametrize(
    ("keys", "chosen"),
    [
        (["down"], RESOURCES[0]),
        (["j", "j"], RESOURCES[1]),
        (["down"] * 9, RESOURCES[2]),
        (["up"], RESOURCES[2]),
        (["down", "down", "k"], RESOURCES[0]),
        (["down", "escape"], None),
    ],
)
def test_choosing(keys: list[str], chosen: tuple[str, str] | None) -> None:
    """The arrows mark a resource, and stop at both ends; Esc marks none."""
    assert after(*keys).chosen == chosen


def test_alone() -> None:
    """Enter shows the marked resource alone, or the first; Esc goes back and keeps the mark."""
    assert after("down", "down", "enter") == View(chosen=RESOURCES[1], alone=True)
    assert after("enter") == View(chosen=RESOURCES[0], alone=True)
    assert after("enter", "down").chosen == RESOURCES[1]
    assert after("enter", "escape") == View(chosen=RESOURCES[0])
    assert after("enter", room=Room([], 10, 0)) == View()


def test_scrolling() -> None:
    """A page is a line less than the screen, and nothing scrolls beyond the end."""
    assert after("page down").scroll == 9
    assert after(" ", " ", " ", " ").scroll == after("end").scroll == 25
    assert after("end", "b").scroll == 16
    assert after("end", "home").scroll == after("page up").scroll == 0


def test_order() -> None:
    """S cycles through the orders."""
    assert after("s").sorted_by.words == "fullest"
    assert after(*["s"] * len(ORDERS)) == View()


@pytest.mark.parametrize(
    ("words", "first"),
    [
        ("urgency", MEMORY),
        ("fullest", QUEUE),  # 129 of 128
        ("time left", UPSTREAM),
        ("used", MEMORY),
        ("name", CLIENTS),
    ],
)
def test_sorted(words: str, first: object) -> None:
    """Each order begins with what it is named after; by urgency is as in the verdict."""
    order = [order.words for order in ORDERS].index(words)
    assert View(order=order).sorted([MEMORY, UPSTREAM, QUEUE, CLIENTS])[0] == first


def test_the_mark_stays() -> None:
    """The marked resource is known by kind and name, whatever its figures become."""
    assert resource(UPSTREAM) == resource(UPSTREAM._replace(used=1))


def test_end() -> None:
    """Q quits, other keys change nothing."""
    assert after("q").ended
    assert after("x", "escape", "?") == View()


@given(
    st.lists(st.sampled_from([*KEYS, "x"])),
    st.lists(st.tuples(st.text(max_size=1), st.text(max_size=1)), max_size=3, unique=True),
    st.integers(0, 50),
    st.integers(0, 50),
)
def test_any_keys(keys: list[str], resources: list[tuple[str, str]], page: int, most: int) -> None:
    """Whatever is pressed, the view points at something that exists."""
    view = after(*keys, room=Room(resources, page, most))
    assert view.chosen is None or view.chosen in resources
    assert 0 <= view.scroll <= most
    assert not view.alone or view.chosen
