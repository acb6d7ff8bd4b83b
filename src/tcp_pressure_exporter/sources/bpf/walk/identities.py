"""Which TIME_WAIT entries a walk saw, so that the next walk knows which are new.

A socket gets its cookie when sock_diag first shows it, so a walk finds none. But an entry stays in
its chain. Its ends, and its sequence number when the entry began (struct connection, `identity`),
tell it from all others there, even from later ones with the same ends, and do not change when a
stray segment restarts its minute. So identities are noted block by block, in the order of the walk:
four bytes for each entry.

Packed: for each block its number, the number of its identities, and the identities, as native
unsigned ints.
"""

from array import array
from collections.abc import Iterator

from tcp_pressure_exporter.facts.tally import AGE_ERROR_MS, BPF, MAX_IDENTITIES, Edge


class Identities:
    """Tells which entries are new, and notes all entries for the next walk."""

    def __init__(self, since: Edge | None, started_ms: int) -> None:
        self._since = since.seen_by(BPF) if since else None
        self._known = dict(_blocks(self._since.cookies if self._since else b""))
        self._started_ms = started_ms
        self._noted: dict[int, list[int]] = {}
        self._count = 0

    def begin(self, block: int) -> None:
        """Note that a block has been walked."""
        self._noted.setdefault(block, [])

    def add(self, block: int, identity: int, born_ms: int, *, over: bool) -> bool:
        """Note one entry; return whether it is new: the previous walk did not see it in TIME_WAIT.

        over: whether its time has run out; it then waits for the end of its batch.
        """
        self._note(block, identity, young=born_ms >= self._started_ms - 2 * AGE_ERROR_MS)
        if over or self._since is None or born_ms < self._since.started_ms - AGE_ERROR_MS:
            return False
        return identity not in self._known.get(block, ())

    def _note(self, block: int, identity: int, *, young: bool) -> None:
        """Keep an identity if there is room; half is for entries too young to judge by age."""
        if self._count < (MAX_IDENTITIES if young else MAX_IDENTITIES // 2):
            self._noted[block].append(identity)
            self._count += 1

    def edge(self, ended_ms: int) -> Edge:
        """Return the edge of this walk."""
        packed = array("I")
        for block, identities in self._noted.items():
            packed.extend((block, len(identities), *identities))
        return Edge(self._started_ms, ended_ms, packed.tobytes(), BPF)


def _blocks(packed: bytes) -> Iterator[tuple[int, frozenset[int]]]:
    numbers, at = array("I", packed), 0
    while at < len(numbers):
        block, count = numbers[at : at + 2]
        yield block, frozenset(numbers[at + 2 : at + 2 + count])
        at += 2 + count
