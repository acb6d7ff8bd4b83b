"""When xdist runs tests side by side, those that take longest begin first, and some run alone.

A test that needs the whole machine marks its file: pytestmark = pytest.mark.alone.
"""

import fcntl
import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.time_limit import limit_of


class Turns:
    """A worker's plugin: its files wait for those that run alone, and these wait for all.

    The room is locked shared by all files in it, or exclusively by one. The gate is locked by any
    that waits for the room: nothing slips in ahead of one that wants it alone. A file stays in the
    room from its first test to its last, since its fixtures may keep working between two tests.

    gate, room: any two files or folders, the same for all workers; only their locks are used.
    """

    def __init__(self, gate: Path, room: Path) -> None:
        self._gate, self._room = (os.open(path, os.O_RDONLY) for path in (gate, room))
        self._inside: Path | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Begin with the files that may take longest, so only short ones are waited for at the end.

        Those that run alone come last, when there is the least to wait for.
        """
        items.sort(key=lambda item: (_runs_alone(item), -limit_of(item)))

    @pytest.hookimpl(wrapper=True, tryfirst=True)
    def pytest_runtest_protocol(
        self, item: pytest.Item, nextitem: pytest.Item | None
    ) -> Generator[None, object, object]:
        """Be in the room for the test."""
        if self._inside != item.path:
            self._enter(alone=_runs_alone(item))
            self._inside = item.path
        try:
            return (yield)
        finally:
            if nextitem is None or nextitem.path != item.path:
                fcntl.flock(self._room, fcntl.LOCK_UN)
                self._inside = None

    def _enter(self, *, alone: bool) -> None:
        fcntl.flock(self._gate, fcntl.LOCK_EX)
        fcntl.flock(self._room, fcntl.LOCK_EX if alone else fcntl.LOCK_SH)
        fcntl.flock(self._gate, fcntl.LOCK_UN)


def _runs_alone(item: pytest.Item) -> bool:
    return item.get_closest_marker("alone") is not None
