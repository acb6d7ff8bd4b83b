"""Which processes keep opening and closing sockets: they are searched first.

A proxy's connection lives for milliseconds, and a search through all processes takes tens of them.
"""

import heapq
from collections.abc import Collection

MOST_BUSY = 32  # processes that are searched first
MOST_MARKED = 16_384  # processes with sockets; with more than these, no others count as busy
FADED = 0.1
MOST_LINKS = 8_192  # of busy processes: the latest


class BusyProcesses:
    """Remembers by a mark which sockets each process had, and which had others the next time.

    new: whether there has been no search yet. links: the links of sockets seen with busy processes,
    with the process id: it had the socket, but may have closed it since.
    """

    def __init__(self) -> None:
        self._marks: dict[int, int] = {}
        self._scores: dict[int, float] = {}
        self.links: dict[str, int] = {}
        self.new = True

    def saw(self, pid: int, link: str) -> None:
        """Note a socket that a process has."""
        if pid in self._scores:
            if len(self.links) >= MOST_LINKS:
                del self.links[next(iter(self.links))]
            self.links[link] = pid

    def note(self, pid: int, mark: int) -> None:
        """Note what a process has; mark: a number made from its sockets, 0 for none."""
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
        """Note the processes that had the wanted sockets."""
        for pid in pids:
            self._scores[pid] = self._scores.get(pid, 0.0) + 1.0

    def foremost(self) -> list[int]:
        """Return the busiest processes, and forget the others."""
        most = heapq.nlargest(MOST_BUSY, self._scores, key=lambda pid: self._scores[pid])
        self._scores = {pid: self._scores[pid] for pid in most}
        return most
