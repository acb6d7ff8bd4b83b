"""What a dump of all sockets that are not listening is counted into, and by which rules.

Two parsers fill these types from the same bytes, with the same result: readable_tally.py explains
itself, _tally.c is fast. Nothing is kept per socket, but for the entries in `kept_states`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from tcp_pressure_exporter.kernel.time_wait import TimeWaitReuse

MAX_POOLS = 131_072  # per direction: what a flood of addresses may cost in memory
MAX_LOCAL_ADDRESSES = 1_024  # two bitmaps of 8 KiB each
MAX_KEPT = 4_096  # entries kept whole
MAX_ROWS = 512  # pools per direction that are told apart in the result
AGE_SECONDS = 61  # whole seconds a TIME_WAIT entry can be old: 0..60


@dataclass(frozen=True, slots=True)
class TallyRules:
    """What decides how an entry counts; the port sets are those of kernel/ports.py.

    usable: the ports a connect() may choose from.
    blocked: ports no connect() can choose because a socket was bound there.
    served: ports whose sockets were accepted, not connected, here.
    since_ms: TIME_WAIT entries younger than this have entered since the last dump.
    max_rows: pools per direction that get a row of their own.
    kept_states: bit mask of the states whose entries are kept whole.
    """

    usable: int
    blocked: int
    served: int
    reuse: TimeWaitReuse
    since_ms: int = 0
    max_rows: int = MAX_ROWS
    kept_states: int = 0


class PoolKey(NamedTuple):
    """The two fixed ends of a pool; `port` is the fixed one, in network order."""

    local_address: bytes
    remote_address: bytes
    port: bytes


class PoolCount(NamedTuple):
    """Ports of one pool: all that a socket holds, of these in TIME_WAIT, of these reclaimable.

    entered: those in TIME_WAIT for less than `since_ms`.
    ages: the histogram of whole seconds in TIME_WAIT, AGE_SECONDS native unsigned ints.
    """

    ports: int
    time_wait: int
    reclaimable: int
    entered: int
    ages: bytes


class OtherPools(NamedTuple):
    """The sum over the pools without a row; most_used is the largest ports − reclaimable."""

    pools: int = 0
    most_used: int = 0
    ports: int = 0
    time_wait: int = 0
    reclaimable: int = 0
    entered: int = 0


@dataclass(frozen=True, slots=True)
class PoolTally:
    """The pools of one direction.

    rows: the most used pools, each by itself. Where there are more than `max_rows`, pools that
    are equally used either all have one or none.
    others: the rest, added up. overflow: sockets of pools beyond MAX_POOLS, counted nowhere else.
    """

    rows: Mapping[PoolKey, PoolCount]
    others: OtherPools
    overflow: int


class AddressPorts(NamedTuple):
    """Local ports of one address (kernel/ports.py): held by any socket, and held by a live one."""

    held: int
    live: int


@dataclass(frozen=True, slots=True)
class SocketTally:
    """The aggregates of one dump.

    states: sockets by (IPv4 on the wire, state number); states without a socket are absent.
    held: the set of local ports that any socket holds.
    by_address: usable ports that are not served, per local address, live meaning not in
    TIME_WAIT. address_overflow counts the sockets of addresses beyond MAX_LOCAL_ADDRESSES.
    kept: the entries in `kept_states`, as the kernel sent them; kept_overflow those beyond
    MAX_KEPT.
    """

    states: Mapping[tuple[bool, int], int]
    held: int
    by_address: Mapping[bytes, AddressPorts]
    address_overflow: int
    outbound: PoolTally
    inbound: PoolTally
    kept: tuple[bytes, ...]
    kept_overflow: int
