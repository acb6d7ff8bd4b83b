"""The counts of a dump of all sockets that are not listening, and the rules for counting.

Two parsers fill these types from the same bytes, with the same result: sources/counting/readable.py
is easy to read, _tally.c is fast. Nothing is kept per socket except for the entries in
`kept_states`.
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
MAX_COOKIE_BLOCKS = 65_536  # of cookies that identify TIME_WAIT entries from dump to dump
MAX_IDENTITIES = 262_144  # of TIME_WAIT entries that a BPF walk recognises from walk to walk
NETLINK, BPF = "netlink", "bpf"  # where sockets are read from
# How far off the age of an entry may be: a tick of the kernel's clock, and the time the exporter
# may wait for a CPU between reading the clock and reading the dump.
AGE_ERROR_MS = 500


class Edge(NamedTuple):
    """Where a dump's view ends: it tells the next dump which TIME_WAIT entries are new.

    An entry's age is not exact enough to tell whether it came just before a dump or during it, and
    the age starts over when the entry answers a stray segment. So entries are recognised by their
    socket cookies.
    started_ms, ended_ms: when the dump was requested, and when its last part was filled.
    cookies: of the entries in TIME_WAIT, in at most MAX_COOKIE_BLOCKS blocks; half of them are
    reserved for entries that may be younger than `started_ms`. A block is two native 8-byte
    numbers: n, and one bit for each of the 64 cookies from 64 × n. The kernel numbers sockets
    consecutively as they are first shown, so most blocks are well filled.
    by: the source of the entries. Another source names them differently, so it cannot use the
    cookies.
    """

    started_ms: int
    ended_ms: int
    cookies: bytes
    by: str = NETLINK

    def seen_by(self, source: str) -> "Edge":
        """Return the edge as a source can use it: to another source, only ages tell what is new.

        Entries that appeared during the previous dump, behind the place it had read, are not
        counted.
        """
        if source == self.by:
            return self
        return Edge(self.ended_ms + AGE_ERROR_MS, self.ended_ms, b"", source)


class PoolKey(NamedTuple):
    """The two fixed ends of a pool; `port` is the fixed one, in network order.

    scope: index of the interface that its sockets are bound to, 0 for none: the kernel uses it to
    tell equal ends apart (include/net/inet_hashtables.h, inet_match). For a NAT pool: the conntrack
    zone of its replies, 0 by default (include/net/netfilter/nf_conntrack_zones.h).
    ports: which local ports it uses, "" for those that connect() chooses (pools/explicit.py).
    """

    local_address: bytes
    remote_address: bytes
    port: bytes
    scope: int = 0
    ports: str = ""


class GroupNetwork(NamedTuple):
    """A network in a remote group, with the group's number.

    address, prefix: as in NetworkPorts.
    """

    address: bytes
    prefix: int
    group: int


class GroupedKey(NamedTuple):
    """A PoolKey with the number of a remote group instead of a remote address."""

    local_address: bytes
    group: int
    port: bytes
    scope: int = 0


class RowRules(NamedTuple):
    """Which pools of a direction get a row of their own.

    Those where ports − reclaimable is at least `min_used`, up to `max_rows` of them, and the
    `watched` ones as well. For a pool with `whole_from` ports or more, all of them count: the
    kernel may refuse to reuse ports that look reclaimable.
    groups: networks whose pools are also added up; sorted by address, without overlaps.
    """

    min_used: int = 0
    max_rows: int = MAX_ROWS
    watched: Collection[PoolKey] = ()
    whole_from: int = NEVER_WHOLE
    groups: Sequence[GroupNetwork] = ()


DEFAULT_ROWS = RowRules()


class NatRules(NamedTuple):
    """What decides how a tracked connection counts.

    rows: which pools get a row of their own. evicts: whether a finished connection is reclaimable
    because the kernel ends it when a new one finds no free port.
    translated: whether connections with a translated source are counted: they make up the pools. If
    false, connections without one are counted, in watched pools only: they hold ports there too.
    clients_of: the pools whose connections are also counted by client.
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
        """Tell whether the port at the address is one of them."""
        rest = 8 * ADDRESS_BYTES - self.prefix
        same = int.from_bytes(self.address) >> rest == int.from_bytes(address) >> rest
        return same and self.low <= port <= self.high


@dataclass(frozen=True, slots=True)
class TallyRules:
    """What decides how an entry counts; the port sets are those of facts/ports.py.

    usable: the ports a connect() may choose from.
    blocked: ports no connect() can choose because a socket was bound there.
    served: ports whose sockets were accepted, not connected, here.
    own: the addresses of this host; empty unless connections to other addresses arrive here
    (TPROXY).
    sources: ports that applications are configured to choose themselves.
    since: the edge of the previous dump; None for the first one.
    outbound_rows, inbound_rows, privileged_rows, explicit_rows: which pools get a row of their own.
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
    """Ports of one pool: all those in use, those of them in TIME_WAIT, and those reclaimable.

    time_wait: None where the system does not show such sockets.
    entered: those in TIME_WAIT that were not there in the previous dump.
    ages: a histogram of whole seconds in TIME_WAIT: native unsigned ints, as
    many as TimeWaitLengths.age_seconds; empty where the ages are not known.
    outside: in an inbound pool, those that Linux does not choose by default (facts/ports.py).
    """

    ports: int
    time_wait: int | None
    reclaimable: int
    entered: int
    ages: bytes
    outside: int = 0


class OtherPools(NamedTuple):
    """The sum over several pools; the fields are those of PoolCount.

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

    rows: the pools of RowRules. Where there are more than `max_rows`, either all pools with equal
    use have one or none has.
    others: the rest, added up. overflow: sockets in pools beyond MAX_POOLS (outside the range:
    MAX_OUTSIDE_POOLS), counted nowhere else.
    groups: the sums over the pools of each remote group, in `rows` and `others` alike; the first
    MAX_GROUP_POOLS.
    clients: the connections of NatRules.clients_of by client, the address that opened them; pools
    without any are left out. Connections of clients beyond MAX_CLIENTS are not included.
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

    edge: what tells the next dump which TIME_WAIT entries are new.
    states: sockets by (IPv4 on the wire, state number): every pair that the source knows, zeros
    included.
    held: the set of local ports that any socket holds.
    by_address: usable ports that are not served, per local address. address_overflow counts the
    sockets at addresses beyond MAX_LOCAL_ADDRESSES.
    privileged, explicit: pools of local ports that no connect() chose: below 1024, and others.
    accepted: those of their ports where connections were accepted, as far as that can be judged.
    close_wait: sockets in CLOSE_WAIT by cause.
    longest_left_ms: the longest time that an entry in TIME_WAIT had left; 0 where that is not
    known.
    kept: the entries in `kept_states`, as the kernel sent them; kept_overflow: how many there were
    beyond MAX_KEPT.
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
