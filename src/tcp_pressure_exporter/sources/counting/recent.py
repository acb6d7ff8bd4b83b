"""Which TIME_WAIT entries of a dump are new: each counts once, whatever the interval.

Strategy: an entry shows its age, so entries that began before the previous dump are not new. For
the others, their socket cookies tell. An age alone would not: it is not exact around the moment of
that dump, and a segment answered with an ACK restarts an entry's minute
(tcp_timewait_state_process), while its cookie stays.
"""

import sys
from array import array
from itertools import chain

from tcp_pressure_exporter.facts.tally import (
    AGE_ERROR_MS,
    MAX_COOKIE_BLOCKS,
    NETLINK,
    Edge,
)


class Recent:
    """Tells which TIME_WAIT entries are new, and notes all of them for the next dump.

    now_ms: when the entries now being added were filled in.
    """

    def __init__(self, since: Edge | None, started_ms: int) -> None:
        self._since = since.seen_by(NETLINK) if since else None
        numbers = iter(array("Q", self._since.cookies if self._since else b""))
        self._known = dict(zip(numbers, numbers, strict=True))
        self._started_ms = self.now_ms = started_ms
        self._blocks: dict[int, int] = {}

    def add(self, cookie: bytes, age_ms: int, *, over: bool) -> bool:
        """Note one entry; tell whether it was not in TIME_WAIT in the previous dump.

        over: whether its time is over and it is waiting for the end of its batch.
        """
        born_ms = self.now_ms - age_ms
        number = int.from_bytes(cookie, sys.byteorder)
        self._note(number, young=born_ms >= self._started_ms - 2 * AGE_ERROR_MS)
        if over or self._since is None or born_ms < self._since.started_ms - AGE_ERROR_MS:
            return False
        return not self._known.get(number >> 6, 0) >> (number & 63) & 1

    def _note(self, number: int, *, young: bool) -> None:
        """Keep a cookie if there is room; half of it is for entries whose ages do not decide."""
        block, most = number >> 6, MAX_COOKIE_BLOCKS if young else MAX_COOKIE_BLOCKS // 2
        noted = self._blocks.get(block)
        if noted is not None or len(self._blocks) < most:
            self._blocks[block] = (noted or 0) | 1 << (number & 63)

    def edge(self) -> Edge:
        """Return the edge of this dump."""
        cookies = array("Q", chain.from_iterable(self._blocks.items())).tobytes()
        return Edge(self._started_ms, self.now_ms, cookies)
