"""Which processes open and close sockets all the time: they are searched first.

A connection of a proxy lives for milliseconds, a search through all processes takes tens of them.
"""

import heapq
from collections.abc import Collection

MOST_BUSY = 32  # processes that are searched first
MOST_MARKED = 16_384  # processes with sockets; of a crowd that has more nobody is busy
FADED = 0.1
MOST_LINKS = 8_192  # of busy processes, the latest


class BusyProcesses:
    """Remembers by a mark which sockets each process had, and who had others the next time.

    new: there was no search yet. links: those of sockets that a busy process was seen with, and its
    id: it had the socket, though it may have closed it since.
    """

    def __init__(self) -> None:
        self._marks: dict[int, int] = {}
        self._scores: dict[int, float] = {}
        self.links: dict[str, int] = {}
        self.new = True

    def saw(self, pid: int, link: str) -> None:
        """Learn of a socket that a process has."""
        if pid in self._scores:
            if len(self.links) >= MOST_LINKS:
                del self.links[next(iter(self.links))]
            self.links[link] = pid

    def note(self, pid: int, mark: int) -> None:
        """Learn what a process has; mark: a number that its sockets make, 0 of none."""
        self.new = False
        if not mark and pid not in self._marks:
            return
        changed = self._marks.get(pid, mark) != mark
        score = self._scores.get(pid, 0.0) / 2 + changed
        if score < FADED:
            self._scores.pop(pid, None)
        else:
            self._scores[pid] = score
        if len(self._marks) >= MOST_MARKED:
            self._marks.clear()
        self._marks[pid] = mark

    def found(self, pids: Collection[int]) -> None:
        """Learn who had what was looked for."""
        for pid in pids:
            self._scores[pid] = self._scores.get(pid, 0.0) + 1.0

    def foremost(self) -> list[int]:
        """Return the busiest processes, and forget the others that once were."""
        most = heapq.nlargest(MOST_BUSY, self._scores, key=lambda pid: self._scores[pid])
        self._scores = {pid: self._scores[pid] for pid in most}
        return most
