"""What a person has chosen to see in the watched report, and what each key changes."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

from tcp_pressure_exporter.verdict.pressures import Pressure

Resource = tuple[str, str]  # kind and name of a pressure


def resource(pressure: Pressure) -> Resource:
    """Return the resource that a pressure is about; it stays the same from look to look."""
    return pressure.kind, pressure.name


class Order(NamedTuple):
    """A way to sort resources. key: returns a pressure's sort key, smallest first."""

    words: str
    key: Callable[[Pressure], tuple[float | str, ...]]


def _left(pressure: Pressure) -> float:
    return float("inf") if pressure.seconds_left is None else pressure.seconds_left


ORDERS = (
    Order("urgency", lambda _pressure: ()),  # as in the assessment
    Order("fullest", lambda pressure: (-pressure.ratio,)),
    Order("time left", lambda pressure: (_left(pressure), -pressure.ratio)),
    Order("used", lambda pressure: (-pressure.used,)),
    Order("name", resource),
)


@dataclass(frozen=True, slots=True)
class View:
    """What is shown. order: an index into ORDERS. chosen: the marked resource, None for none.

    alone: only that is shown. scroll: lines left out at the top. ended: the person wants to quit.
    """

    order: int = 0
    chosen: Resource | None = None
    alone: bool = False
    scroll: int = 0
    ended: bool = False

    @property
    def sorted_by(self) -> Order:
        """The order."""
        return ORDERS[self.order]

    def sorted(self, pressures: Sequence[Pressure]) -> list[Pressure]:
        """Return the pressures in the order."""
        return sorted(pressures, key=self.sorted_by.key)


class Room(NamedTuple):
    """The room for moving. resources: in the order shown. page: how many lines the screen has.

    most: how far the screen can be scrolled.
    """

    resources: Sequence[Resource]
    page: int
    most: int


def pressed(view: View, key: str, room: Room) -> View:
    """Return the view after a key; a key without a meaning changes nothing."""
    action = KEYS.get(key)
    return action(view, room) if action else view


def _chosen(view: View, room: Room, step: int) -> View:
    """Mark another resource; if none is marked, the first or the last."""
    if not room.resources:
        return view
    if view.chosen not in room.resources:
        place = 0 if step > 0 else -1
    else:
        place = room.resources.index(view.chosen) + step
        place = min(max(place, 0), len(room.resources) - 1)
    return replace(view, chosen=room.resources[place])


def _alone(view: View, room: Room) -> View:
    known = view.chosen if view.chosen in room.resources else next(iter(room.resources), None)
    return replace(view, chosen=known, alone=known is not None, scroll=0)


def _together(view: View, _room: Room) -> View:
    return replace(view, alone=False, scroll=0, chosen=view.chosen if view.alone else None)


def _scrolled(view: View, room: Room, pages: float) -> View:
    lines = min(view.scroll, room.most) + int(pages * max(room.page - 1, 1))
    return replace(view, scroll=min(max(lines, 0), room.most))


KEYS: Mapping[str, Callable[[View, Room], View]] = {
    **dict.fromkeys(("down", "j"), lambda view, room: _chosen(view, room, 1)),
    **dict.fromkeys(("up", "k"), lambda view, room: _chosen(view, room, -1)),
    **dict.fromkeys(("enter", "right"), _alone),
    **dict.fromkeys(("escape", "left", "backspace"), _together),
    **dict.fromkeys(("page down", " "), lambda view, room: _scrolled(view, room, 1)),
    **dict.fromkeys(("page up", "b"), lambda view, room: _scrolled(view, room, -1)),
    "home": lambda view, room: _scrolled(view, room, -room.most - 1),
    "end": lambda view, room: _scrolled(view, room, room.most + 1),
    "s": lambda view, _room: replace(view, order=(view.order + 1) % len(ORDERS)),
    "q": lambda view, _room: replace(view, ended=True),
}
