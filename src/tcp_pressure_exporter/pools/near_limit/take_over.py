"""TIME_WAIT ports that look reclaimable: which pools to ask the kernel about, and what it said.

By its rules tcp_tw_reuse gives a port back after a second. It does not if the peer sent no
timestamps, or if the socket was bound to its port, and no dump shows either. This matters only near
the limit, so only there is the kernel asked about single ports.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from tcp_pressure_exporter.facts.questions import TakeOverAnswer
from tcp_pressure_exporter.facts.tally import LocalAddress, PoolKey, SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.directions import DirectionPools
from tcp_pressure_exporter.pools.near_limit.closer_look import MAX_TARGETS, SAMPLES
from tcp_pressure_exporter.pools.scopes import ports_for_connect
from tcp_pressure_exporter.pools.usage import Usage

# The ratio of a pool's ports, the reclaimable ones included, from which they may decide whether any
# port is left besides those that other pools and hidden sockets hold.
DOUBTFUL_RATIO = 0.05
CLOCK_ERROR = 0.1  # seconds: in the age, known in ticks, and in the stamp it is compared with


def doubtful_pools(
    outbound: DirectionPools, tally: SocketTally, rules: TallyRules, near: float
) -> list[PoolKey]:
    """Return the pools that may be near their limit if the kernel gives no port back.

    A pool is considered from DOUBTFUL_RATIO up, its reclaimable ports included. near: the ratio to
    the limit from which it matters; every port that any socket holds counts, as each may be hidden.
    """
    held = (rules.blocked | rules.usable & tally.held).bit_count()
    doubtful = {
        key: ports
        for key, usage in outbound.pools.items()
        if usage.reclaimable
        and usage.limit is not None
        and (ports := usage.used + usage.reclaimable) >= DOUBTFUL_RATIO * usage.limit
        and held >= near * usage.limit
    }
    return sorted(doubtful, key=lambda key: -doubtful[key])[:MAX_TARGETS]


def waiting_ports(key: PoolKey, tally: SocketTally, rules: TallyRules) -> int:
    """Return the ports (facts/ports.py) that only TIME_WAIT holds at the pool's address."""
    found = ports_for_connect(tally.by_address, LocalAddress(key.local_address, key.scope))
    if found is None or found.live is None:
        return 0
    return found.held & ~found.live & ~rules.blocked


def old_enough(age: float | None, rules: TallyRules) -> bool:
    """Tell whether tcp_tw_reuse gives a port back after that many seconds in TIME_WAIT."""
    return age is not None and age >= rules.reuse.delay_ms / 1000 + CLOCK_ERROR


@dataclass(frozen=True, slots=True)
class TakeOvers:
    """What the kernel said at the last samples about the pools still in doubt."""

    answers: Mapping[PoolKey, tuple[TakeOverAnswer, ...]] = field(default_factory=dict)

    def after(self, answers: Mapping[PoolKey, TakeOverAnswer]) -> "TakeOvers":
        """Return what is known after another sample."""
        return TakeOvers(
            {
                key: (*self.answers.get(key, ()), answer)[-SAMPLES:]
                for key, answer in answers.items()
            }
        )

    def corrected(self, outbound: DirectionPools, reuse: TimeWaitReuse) -> DirectionPools:
        """Return the pools with refused ports counted as used."""
        changed = dict(self._changed(outbound, reuse))
        return replace(outbound, pools={**outbound.pools, **changed}) if changed else outbound

    def _changed(
        self, outbound: DirectionPools, reuse: TimeWaitReuse
    ) -> Iterator[tuple[PoolKey, Usage]]:
        for key, answers in self.answers.items():
            asked = sum(answer.asked for answer in answers)
            if asked and key in outbound.pools:
                refused = sum(answer.refused for answer in answers)
                yield key, _with_refusals(outbound.pools[key], refused / asked, reuse)


def _with_refusals(usage: Usage, share: float, reuse: TimeWaitReuse) -> Usage:
    """Count a share of the reclaimable ports as used: exact if the share is all or nothing."""
    reclaimable = usage.reclaimable or 0
    refused = round(share * reclaimable)
    corrected = usage._replace(
        used=usage.used + refused, reclaimable=reclaimable - refused, refused=refused
    )
    if share < 1:
        return corrected
    return corrected._replace(hold=reuse.hold, batch=reuse.batch, reused=False)
