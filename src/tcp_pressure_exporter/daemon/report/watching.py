"""--watch on a terminal: looks repeatedly, and lets a person move around in the result."""

import time
from collections.abc import Iterator
from typing import TextIO

from rich.console import ConsoleDimensions
from rich.live import Live

from tcp_pressure_exporter.daemon.report.keyboard import Wait, keyboard
from tcp_pressure_exporter.daemon.report.observer import Observer, Sign
from tcp_pressure_exporter.pages.report.screen import Screen
from tcp_pressure_exporter.pages.report.view import Room, View, pressed
from tcp_pressure_exporter.pages.snapshot import Observation

SLICE = 0.25  # seconds until a new terminal size is noticed


class Watched:
    """What is on the terminal, and what a person has chosen to see of it."""

    def __init__(self, live: Live, screen: Screen) -> None:
        self._live = live
        self._screen = screen
        self.view = View()

    def until(self, seen: Observation, deadline: float, wait: Wait) -> None:
        """Show a look until a time on time.monotonic(), or until the person quits."""
        size, room = self._show(seen)
        while not self.view.ended and (left := deadline - time.monotonic()) > 0:
            keys = wait(min(left, SLICE))
            for key in keys:
                self.view = pressed(self.view, key, room)
            if keys or self._screen.console.size != size:
                size, room = self._show(seen)

    def _show(self, seen: Observation) -> tuple[ConsoleDimensions, Room]:
        size, drawn = self._screen.console.size, self._screen.draw(seen, self.view)
        self._live.update(drawn, refresh=True)
        return size, drawn.room


def watch(observer: Observer, sign: Sign, screen: Screen, keys: TextIO) -> Iterator[Observation]:
    """Yield each look when it is there, and show it, until q is pressed."""
    started = time.monotonic()
    with sign():
        seen = observer.look()
    with (
        keyboard(keys, time.sleep) as wait,
        Live(
            console=screen.console,
            screen=True,
            auto_refresh=False,
            redirect_stdout=False,
            redirect_stderr=False,
        ) as live,
    ):
        shown = Watched(live, screen)
        while True:
            yield seen
            shown.until(seen, started + screen.every, wait)
            if shown.view.ended:
                return
            started = time.monotonic()
            seen = observer.look()
