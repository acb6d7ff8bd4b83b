"""NAT pools: the ports that a gateway has for translated connections to one destination.

They are the ports of the address it puts in place of the source, fixed ends being that address
and the destination's address and port. A connection in conntrack's TIME_WAIT counts apart: the
kernel ends it where a new one needs its port (net/netfilter/nf_nat_core.c).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcp_pressure_exporter.facts.tally import PoolCount, PoolTally
from tcp_pressure_exporter.model.groups import DEFAULT_PORTS
from tcp_pressure_exporter.model.pools import Usages
from tcp_pressure_exporter.model.usage import Usage

NAT = "nat"


@dataclass(frozen=True, slots=True)
class NatRanges:
    """How many ports each translated address (facts/addresses.py) has for one destination.

    By default those from 1024 on, as masquerade without a range has: net/netfilter/nf_nat_core.c,
    nf_nat_l4proto_unique_tuple.
    """

    ports: Mapping[bytes, int] = field(default_factory=dict)

    def of(self, address: bytes) -> int:
        """Return the ports of one address."""
        return self.ports.get(address, DEFAULT_PORTS)

    @property
    def fewest(self) -> int:
        """The ports of the address that has the fewest."""
        return min((DEFAULT_PORTS, *self.ports.values()))


def nat_usages(tally: PoolTally, ranges: NatRanges) -> Usages:
    """Return the usage of every NAT pool."""
    others = tally.others
    return Usages(
        pools={
            key: _usage(count, ranges.of(key.local_address)) for key, count in tally.rows.items()
        },
        others=others.pools,
        others_used=others.ports - others.reclaimable,
        others_ratio_max=others.most_used / ranges.fewest,
        overflow_sockets=tally.overflow,
    )


def _usage(count: PoolCount, limit: int) -> Usage:
    return Usage(
        used=count.ports - count.reclaimable,
        limit=limit,
        time_wait=count.time_wait,
        reclaimable=count.reclaimable,
    )
