"""Which TIME_WAIT entries of a dump are new: each counts once, whatever the interval.

Strategy: an entry tells its age, so most are known by when they were born. Of the few that came
about when the dump before was taken, the socket cookies tell.
"""

import sys
from array import array

from tcp_pressure_exporter.facts.tally import AGE_ERROR_MS, MAX_RECENT, Edge
from tcp_pressure_exporter.facts.time_wait import TCP_TIMEWAIT_LEN_MS


class Recent:
    """Tells which TIME_WAIT entries are new, and notes those that the next dump may doubt.

    now_ms: when the entries that are added now were filled in.
    """

    def __init__(self, since: Edge | None, started_ms: int) -> None:
        self._since = since
        self._known = set(array("Q", since.cookies)) if since else set()
        self._started_ms = self.now_ms = started_ms
        self._cookies: list[int] = []

    def add(self, cookie: bytes, age_ms: int) -> bool:
        """Note one entry; tell whether the dump before did not see it in TIME_WAIT."""
        if age_ms >= TCP_TIMEWAIT_LEN_MS:  # at least that old: it ends in a batch with others
            return False
        born_ms = self.now_ms - age_ms
        number = int.from_bytes(cookie, sys.byteorder)
        if born_ms >= self._started_ms - 2 * AGE_ERROR_MS and len(self._cookies) < MAX_RECENT:
            self._cookies.append(number)
        if self._since is None or born_ms < self._since.started_ms - AGE_ERROR_MS:
            return False
        return born_ms > self._since.ended_ms + AGE_ERROR_MS or number not in self._known

    def edge(self) -> Edge:
        """Return the edge of this dump."""
        cookies = array("Q", sorted(self._cookies)).tobytes()
        return Edge(self._started_ms, self.now_ms, cookies)
