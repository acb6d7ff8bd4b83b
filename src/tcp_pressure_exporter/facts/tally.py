"""What a dump of all sockets that are not listening is counted into, and by which rules.

Two parsers fill these types from the same bytes, with the same result: sources/counting/readable.py
explains itself, _tally.c is fast. Nothing is kept per socket, but for the entries in `kept_states`.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tcp_pressure_exporter.facts.addresses import ADDRESS_BYTES
from tcp_pressure_exporter.facts.close_wait import CloseWaitCounts
from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.facts.sockets import TCP_ESTABLISHED, SocketId
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse

MAX_POOLS = 131_072  # per direction: what a flood of addresses may cost in memory
MAX_OUTSIDE_POOLS = 16_384  # of ports outside the range: as above
MAX_GROUP_POOLS = 1_024  # of a direction: one for each local address, port and remote group
MAX_LOCAL_ADDRESSES = 1_024  # two bitmaps of 8 KiB each
MAX_KEPT = 4_096  # entries kept whole
MAX_ROWS = 512  # pools per direction that are told apart in the result
MAX_CLIENTS = 8_192  # of the NAT pools whose ports are counted by client, together
MAX_PORT_PAIRS = 65_536  # sockets outside the range by which their ports are judged
NEVER_WHOLE = 2**32 - 1  # more ports than a pool can have
MAX_COOKIE_BLOCKS = 65_536  # of TIME_WAIT entries that are known by cookie from dump to dump
MAX_IDENTITIES = 262_144  # of TIME_WAIT entries that a walk by BPF knows from walk to walk
NETLINK, BPF = "netlink", "bpf"  # who tells of sockets
# How far the age of an entry may be off: a tick of the kernel's clock, and the time for which the
# exporter may have to wait for a CPU between reading the clock and reading the dump.
AGE_ERROR_MS = 500


class Edge(NamedTuple):
    """The end of a dump's view: by it the next dump knows which TIME_WAIT entries are new.

    An entry is dated back by its age, which is not exact enough to tell whether it came just
    before a dump or during it, and which starts over where a stray segment is answered. So entries
    are known by their socket cookies.
    started_ms, ended_ms: when the dump was asked for, and when its last part was filled.
    cookies: of the entries in TIME_WAIT, in at most MAX_COOKIE_BLOCKS blocks; half of them is kept
    for entries that may be younger than `started_ms`. A block is two native numbers of 8 bytes: n,
    and a bit each for the cookies from 64 × n on. The kernel numbers sockets one after the other as
    they are first shown, so that most blocks are well filled.
    by: who told of the entries. Another source has other names for them, so that it cannot use the
    cookies.
    """

    started_ms: int
    ended_ms: int
    cookies: bytes
    by: str = NETLINK

    def seen_by(self, source: str) -> "Edge":
        """Return the edge as it serves a source: to another one ages alone tell what is new.

        What came while the dump before was read, behind the place where it read, is not counted.
        """
        if source == self.by:
            return self
        return Edge(self.ended_ms + AGE_ERROR_MS, self.ended_ms, b"", source)


class PoolKey(NamedTuple):
    """The two fixed ends of a pool; `port` is the fixed one, in network order.

    scope: index of the interface that its sockets are bound to, 0 for none: the kernel keeps the
    same ends apart by it (include/net/inet_hashtables.h, inet_match). Of a NAT pool the conntrack
    zone of its replies, 0 by default (include/net/netfilter/nf_conntrack_zones.h).
    ports: which local ports it has, "" for those that connect() chooses (pools/explicit.py).
    """

    local_address: bytes
    remote_address: bytes
    port: bytes
    scope: int = 0
    ports: str = ""


class GroupNetwork(NamedTuple):
    """A network of a remote group, by the group's number.

    address, prefix: as NetworkPorts has them.
    """

    address: bytes
    prefix: int
    group: int


class GroupedKey(NamedTuple):
    """As PoolKey, with the number of a remote group instead of an address."""

    local_address: bytes
    group: int
    port: bytes
    scope: int = 0


class RowRules(NamedTuple):
    """Which pools of a direction get a row of their own.

    Those with at least `min_used` of ports − reclaimable, but no more than `max_rows`, and
    besides the `watched` ones. A pool with `whole_from` ports or more counts here with all of
    them: the kernel may refuse to give back what looks reclaimable.
    groups: whose pools are added up besides; sorted by address, none overlaps another.
    """

    min_used: int = 0
    max_rows: int = MAX_ROWS
    watched: Collection[PoolKey] = ()
    whole_from: int = NEVER_WHOLE
    groups: Sequence[GroupNetwork] = ()


DEFAULT_ROWS = RowRules()


class NatRules(NamedTuple):
    """What decides how a tracked connection counts.

    rows: which pools are told apart. evicts: whether one that is over is reclaimable, because the
    kernel ends it for a new one that finds no free port.
    translated: whether the connections with a translated source are counted: they make the pools.
    Else those without, in the watched pools alone: they hold ports of these too.
    clients_of: the pools whose connections are counted by client besides.
    """

    rows: RowRules = DEFAULT_ROWS
    evicts: bool = True
    translated: bool = True
    clients_of: Sequence[PoolKey] = ()


class NetworkPorts(NamedTuple):
    """The ports low..high, both included, of the addresses of a network.

    address: as in facts/addresses.py. prefix: how many of its 128 bits the network has.
    """

    address: bytes
    prefix: int
    low: int = 0
    high: int = MAX_PORT

    def has(self, address: bytes, port: int) -> bool:
        """Tell whether a port of an address is among them."""
        rest = 8 * ADDRESS_BYTES - self.prefix
        same = int.from_bytes(self.address) >> rest == int.from_bytes(address) >> rest
        return same and self.low <= port <= self.high


@dataclass(frozen=True, slots=True)
class TallyRules:
    """What decides how an entry counts; the port sets are those of facts/ports.py.

    usable: the ports a connect() may choose from.
    blocked: ports no connect() can choose because a socket was bound there.
    served: ports whose sockets were accepted, not connected, here.
    own: the addresses of this host; empty where no connection comes to others (TPROXY).
    sources: ports that applications are known to choose themselves.
    since: the edge of the dump before; None before there was one.
    outbound_rows, inbound_rows, privileged_rows, explicit_rows: which pools are told apart.
    kept_states: bit mask of the states whose entries are kept whole.
    """

    usable: int
    blocked: int
    served: int
    reuse: TimeWaitReuse
    since: Edge | None = None
    outbound_rows: RowRules = DEFAULT_ROWS
    inbound_rows: RowRules = DEFAULT_ROWS
    kept_states: int = 0
    own: Sequence[NetworkPorts] = ()
    sources: Sequence[NetworkPorts] = ()
    privileged_rows: RowRules = DEFAULT_ROWS
    explicit_rows: RowRules = DEFAULT_ROWS


class PoolCount(NamedTuple):
    """Ports of one pool: all that a socket holds, of these in TIME_WAIT, of these reclaimable.

    time_wait: None where the system does not show such sockets.
    entered: those in TIME_WAIT that the dump before did not see there.
    ages: the histogram of whole seconds in TIME_WAIT: native unsigned ints, as
    many as TimeWaitLengths.age_seconds; empty where nothing tells the ages.
    outside: of an inbound pool those that Linux does not choose by default (facts/ports.py).
    """

    ports: int
    time_wait: int | None
    reclaimable: int
    entered: int
    ages: bytes
    outside: int = 0


class OtherPools(NamedTuple):
    """The sum over several pools, as PoolCount has it of one.

    most_used is the largest ports − reclaimable.
    """

    pools: int = 0
    most_used: int = 0
    ports: int = 0
    time_wait: int | None = 0
    reclaimable: int = 0
    entered: int = 0
    ages: bytes = b""


@dataclass(frozen=True, slots=True)
class PoolTally:
    """The pools of one direction.

    rows: the pools of RowRules. Where there are more than `max_rows`, pools that are equally used
    either all have one or none.
    others: the rest, added up. overflow: sockets of pools beyond MAX_POOLS (outside the
    range: MAX_OUTSIDE_POOLS), counted nowhere else.
    groups: the pools of each remote group added up, those in `rows` and `others` alike; the first
    MAX_GROUP_POOLS.
    clients: the connections of NatRules.clients_of by client, the address that they were opened
    from; pools without any left out. Those of clients beyond MAX_CLIENTS are in none.
    """

    rows: Mapping[PoolKey, PoolCount]
    others: OtherPools
    overflow: int
    groups: Mapping[GroupedKey, OtherPools] = field(default_factory=dict)
    clients: Mapping[PoolKey, Mapping[bytes, int]] = field(default_factory=dict)


NO_POOLS = PoolTally({}, OtherPools(), 0)


class LocalAddress(NamedTuple):
    """A local address, and the index of the interface that sockets there are bound to, or 0."""

    address: bytes
    scope: int = 0


class AddressPorts(NamedTuple):
    """Local ports of one address (facts/ports.py): held by any socket, and held by a live one.

    live: not in TIME_WAIT; None where the system does not show such sockets.
    """

    held: int
    live: int | None


@dataclass(frozen=True, slots=True)
class SocketTally:
    """The aggregates of one dump.

    edge: what the next dump needs to know which TIME_WAIT entries are new.
    states: sockets by (IPv4 on the wire, state number): every pair that the source tells, zeros
    included.
    held: the set of local ports that any socket holds.
    by_address: usable ports that are not served, per local address. address_overflow counts the
    sockets of addresses beyond MAX_LOCAL_ADDRESSES.
    privileged, explicit: pools of local ports that no connect() chose: below 1024, and others.
    accepted: the ports among theirs that connections were accepted at, as far as can be judged.
    close_wait: sockets in CLOSE_WAIT by cause.
    longest_left_ms: the most that an entry in TIME_WAIT had left of it; 0 where nothing tells.
    kept: the entries in `kept_states`, as the kernel sent them; kept_overflow those beyond
    MAX_KEPT.
    """

    edge: Edge
    states: Mapping[tuple[bool, int], int]
    held: int
    by_address: Mapping[LocalAddress, AddressPorts]
    address_overflow: int
    outbound: PoolTally
    inbound: PoolTally
    close_wait: CloseWaitCounts
    kept: tuple[bytes, ...]
    kept_overflow: int
    privileged: PoolTally = NO_POOLS
    explicit: PoolTally = NO_POOLS
    accepted: int = 0
    longest_left_ms: int = 0


class PoolSocket(NamedTuple):
    """A socket as part of an outbound pool; `local_port` is the one it holds.

    state: by the kernel's number (facts/sockets.py).
    """

    key: PoolKey
    local_port: int
    owner_id: SocketId
    state: int = TCP_ESTABLISHED
