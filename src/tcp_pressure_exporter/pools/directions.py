"""The pools of each direction: the ports that the choosing side has between two fixed ends.

outbound: this host chooses; local address → remote address : port.
inbound: the remote chooses; remote address → local address : port.
source: this host, for applications that bind before they connect; per local address.
nat: this host as a gateway; the address that replaces the source → destination : port.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from tcp_pressure_exporter.facts.addresses import LOOPBACK_IFINDEX, is_loopback
from tcp_pressure_exporter.facts.bound import BoundTally
from tcp_pressure_exporter.facts.tally import (
    AddressPorts,
    GroupedKey,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.groups import (
    DEFAULT_PORTS,
    LINUX_PORTS,
    NO_GROUPS,
    GroupKey,
    RemoteGroups,
    group_name,
)
from tcp_pressure_exporter.pools.scopes import ports_for_bind, ports_of_unbound
from tcp_pressure_exporter.pools.usage import Usage, summed

OUTBOUND = "outbound"
INBOUND = "inbound"
SOURCE = "source"
# The share of ports outside Linux's default range, such as those of probes, up to which a remote is
# taken to choose from that range.
MAX_OUTSIDE = 0.01


@dataclass(frozen=True, slots=True)
class DirectionPools:
    """The pools of one direction.

    pools: those kept individually. others, others_used, others_ratio_max: for the rest, their
    number, the sum of their used ports, and their highest ratio. entered, ages: as for one pool,
    over all pools of the direction. overflow_sockets: sockets of pools (or local addresses) for
    which there was no room. new_ratio: the ratio of a pool that has no connection yet. groups: the
    sums over all pools of each remote group.
    """

    pools: Mapping[PoolKey, Usage]
    others: int = 0
    others_used: int = 0
    others_ratio_max: float = 0.0
    entered: int = 0
    ages: bytes | None = None
    overflow_sockets: int = 0
    new_ratio: float = 0.0
    groups: Mapping[GroupKey, Usage] = field(default_factory=dict)


def pool_usages(
    tally: SocketTally,
    bound: BoundTally,
    rules: TallyRules,
    limit: int,
    groups: RemoteGroups,
) -> Mapping[str, DirectionPools]:
    """Return the usage of every pool by direction; `limit` is how many ports this host has."""
    return {
        OUTBOUND: outbound_usages(tally.outbound, rules, limit, groups),
        INBOUND: inbound_usages(tally.inbound, groups, rules.reuse),
        SOURCE: source_usages(tally, bound, rules, limit),
    }


def outbound_usages(
    tally: PoolTally, rules: TallyRules, limit: int, groups: RemoteGroups = NO_GROUPS
) -> DirectionPools:
    """Return the usage of the outbound pools; all share the blocked ports and one limit.

    `new_ratio` covers a pool without a connection: if every port is blocked there is no pool, but
    connect() still fails.

    Source: kernel, __inet_hash_connect: a port is taken where a socket was bound to it, or where
    the 4-tuple exists and is not a TIME_WAIT entry that tcp_tw_reuse gives back.
    """
    others = tally.others
    blocked = rules.blocked.bit_count()
    most = Usage(blocked + others.most_used, limit, 0, None)
    return DirectionPools(
        pools={
            key: _outbound_usage(key, count, rules, limit)._replace(
                used=_outbound_used(key, tally.rows, blocked, limit)
            )
            for key, count in tally.rows.items()
        },
        groups={
            group_name(key, groups): _outbound_usage(key, added, rules, limit, added.pools)
            for key, added in tally.groups.items()
        },
        others=others.pools,
        others_used=blocked * others.pools + others.ports - others.reclaimable,
        others_ratio_max=most.ratio if others.pools else 0.0,
        entered=entered(tally),
        ages=ages_of(tally),
        overflow_sockets=tally.overflow,
        new_ratio=Usage(blocked, limit, 0, None).ratio,
    )


def _outbound_usage(
    key: PoolKey | GroupedKey,
    count: PoolCount | OtherPools,
    rules: TallyRules,
    limit: int,
    pools: int = 1,
) -> Usage:
    """Return the usage of a pool, or of a group of `pools` pools together."""
    blocked, reuse, reused = rules.blocked.bit_count(), rules.reuse, _is_reused(key, rules.reuse)
    return Usage(
        used=pools * blocked + count.ports - count.reclaimable,
        limit=pools * limit,
        time_wait=count.time_wait,
        reclaimable=count.reclaimable if reuse.told else None,
        entered=count.entered,
        ages=count.ages or None,
        blocked=pools * blocked,
        hold=take_over_delay(reuse) if reused else reuse.hold,
        batch=0.0 if reused else reuse.batch,
        reused=reused,
    )


def _outbound_used(
    key: PoolKey, rows: Mapping[PoolKey, PoolCount], blocked: int, limit: int
) -> int:
    """Return the used ports; an upper bound where unbound sockets may hold the same ports too."""
    own = blocked + rows[key].ports - rows[key].reclaimable
    beside = ports_of_unbound(rows, key)
    return max(own, min(own + beside, limit)) if beside else own


def _is_reused(key: PoolKey | GroupedKey, reuse: TimeWaitReuse) -> bool:
    """Tell whether a connect() takes over the pool's TIME_WAIT entries once they are old enough."""
    on_loopback = (
        key.scope == LOOPBACK_IFINDEX
        or is_loopback(key.local_address)
        or (isinstance(key, PoolKey) and is_loopback(key.remote_address))
    )
    return reuse.everywhere or (reuse.on_loopback and on_loopback)


def take_over_delay(reuse: TimeWaitReuse) -> float:
    """Return how old that is, in whole seconds, as ages are."""
    return float(max(math.ceil(reuse.delay_ms / 1000), 1))


def entered(tally: PoolTally) -> int:
    """Return the closes of all pools of a tally."""
    return tally.others.entered + sum(count.entered for count in tally.rows.values())


def ages_of(tally: PoolTally) -> bytes | None:
    """Return the ages of all pools of a tally together; None where they are not known."""
    return summed((tally.others.ages, *(count.ages for count in tally.rows.values()))) or None


def inbound_usages(tally: PoolTally, groups: RemoteGroups, reuse: TimeWaitReuse) -> DirectionPools:
    """Return the usage of the inbound pools: remote ports that have a socket here, in any state.

    A remote may reuse a port that is in TIME_WAIT here if its sequence number or timestamp is newer
    (RFC 6191): `used` is an upper bound of what it cannot use.
    """
    others = tally.others
    of_groups = {key: groups.groups[key.group].ports for key in tally.groups}
    fullest = (added.most_used / of_groups[key] for key, added in tally.groups.items())
    return DirectionPools(
        pools={
            key: unreclaimed(count, _remote_ports(key, count, groups), reuse)
            for key, count in tally.rows.items()
        },
        groups={
            group_name(key, groups): unreclaimed(added, added.pools * of_groups[key], reuse)
            for key, added in tally.groups.items()
        },
        others=others.pools,
        others_used=others.ports,
        others_ratio_max=max(others.most_used / LINUX_PORTS, *fullest, 0.0),
        entered=entered(tally),
        ages=ages_of(tally),
        overflow_sockets=tally.overflow,
    )


def unreclaimed(count: PoolCount | OtherPools, limit: int | None, reuse: TimeWaitReuse) -> Usage:
    """Return the usage of ports that TIME_WAIT keeps until it ends."""
    return Usage(
        used=count.ports,
        limit=limit,
        time_wait=count.time_wait,
        reclaimable=None,
        entered=count.entered,
        ages=count.ages or None,
        hold=reuse.hold,
        batch=reuse.batch,
    )


def _remote_ports(key: PoolKey, count: PoolCount, groups: RemoteGroups) -> int:
    """Return how many ports a remote chooses from: as configured, or as its ports suggest.

    A remote whose ports all lie in Linux's default range is taken to have only that range. A NAT
    that multiplexes its clients' ports would show others within the first hundred connections.
    """
    group = groups.find(key.remote_address) if groups else None
    if group:
        return group.ports
    return DEFAULT_PORTS if count.outside > MAX_OUTSIDE * count.ports else LINUX_PORTS


def source_usages(
    tally: SocketTally, bound: BoundTally, rules: TallyRules, limit: int
) -> DirectionPools:
    """Return the usage of each local address: ports that bind(address, port 0) cannot get.

    Source: kernel, inet_csk_find_open_port: any socket at the address or at a wildcard of its
    family holds the port, TIME_WAIT included, whatever its destination. A port still served after
    its listener has gone counts for every address: on which ones it is in use is not known.
    """
    draining = rules.served & ~bound.owned
    pools = {
        PoolKey(end.address, b"", b"", end.scope): _source_usage(
            found, rules.usable, bound.excluding(end.address) | draining, limit
        )
        for end, found in ports_for_bind(tally.by_address)
    }
    return DirectionPools(pools, overflow_sockets=tally.address_overflow + bound.overflow)


def _source_usage(found: AddressPorts, usable: int, owned: int, limit: int) -> Usage:
    used = usable & (found.held | owned)
    time_wait = None if found.live is None else (used & ~found.live & ~owned).bit_count()
    blocked = (usable & owned).bit_count()
    return Usage(used.bit_count(), limit, time_wait, None, blocked=blocked)


NAT = "nat"


@dataclass(frozen=True, slots=True)
class NatRanges:
    """How many ports each translated address (facts/addresses.py) has for one destination.

    The default is those from 1024 up, as for masquerade without a range:
    net/netfilter/nf_nat_core.c, nf_nat_l4proto_unique_tuple.
    """

    ports: Mapping[bytes, int] = field(default_factory=dict)

    def of(self, address: bytes) -> int:
        """Return the ports of one address."""
        return self.ports.get(address, DEFAULT_PORTS)

    @property
    def fewest(self) -> int:
        """The number of ports of the address that has the fewest."""
        return min((DEFAULT_PORTS, *self.ports.values()))


def nat_usages(
    tally: PoolTally, ranges: NatRanges, groups: RemoteGroups = NO_GROUPS
) -> DirectionPools:
    """Return the usage of every NAT pool."""
    others = tally.others
    return DirectionPools(
        pools={
            key: _nat_usage(count, ranges.of(key.local_address))
            for key, count in tally.rows.items()
        },
        groups={
            group_name(key, groups): _nat_usage(added, added.pools * ranges.of(key.local_address))
            for key, added in tally.groups.items()
        },
        others=others.pools,
        others_used=others.ports - others.reclaimable,
        others_ratio_max=others.most_used / ranges.fewest,
        overflow_sockets=tally.overflow,
    )


def _nat_usage(count: PoolCount | OtherPools, limit: int) -> Usage:
    return Usage(
        used=count.ports - count.reclaimable,
        limit=limit,
        time_wait=count.time_wait,
        reclaimable=count.reclaimable,
    )
