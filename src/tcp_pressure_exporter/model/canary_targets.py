"""Which pools the canary asks the kernel about: the few that may be full soon."""

from typing import NamedTuple

from tcp_pressure_exporter.facts.canary import CanaryAnswer
from tcp_pressure_exporter.facts.tally import PoolKey, SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TIME_WAIT_HOLD
from tcp_pressure_exporter.model.pool_table import ListedPool, PoolTable
from tcp_pressure_exporter.model.usage import Usage

# A search holds a free port for microseconds and costs up to some milliseconds: only where it may
# matter.
NEAR_LIMIT = 0.7
MAX_TARGETS = 3  # per sample


class Target(NamedTuple):
    """A pool to ask about, as Canary.probe takes it."""

    pool: ListedPool
    key: PoolKey
    reuse: bool
    free_ports: int


class Probe(NamedTuple):
    """A pool and the kernel's verdict on it."""

    pool: ListedPool
    verdict: CanaryAnswer


class CanaryReport(NamedTuple):
    """The verdicts of one sample, and the estimate of hidden ports; None where none was made."""

    probes: tuple[Probe, ...]
    hidden_ports: float | None


def canary_targets(
    outbound: PoolTable, tally: SocketTally, rules: TallyRules, hidden_ports: float
) -> list[Target]:
    """Return the fullest of the listed outbound pools near their limit; a group is none."""
    return [
        Target(pool, key, _may_take_over(pool.usage), _free_ports(key, tally, rules))
        for pool in outbound.listed
        if isinstance(key := pool.key, PoolKey)
        and pool.usage.used + hidden_ports >= NEAR_LIMIT * pool.usage.limit
    ][:MAX_TARGETS]


def _may_take_over(usage: Usage) -> bool:
    """Tell whether a connect() may take over a TIME_WAIT entry of the pool, now or in a moment."""
    return bool(usage.time_wait) and usage.hold != TIME_WAIT_HOLD


def _free_ports(key: PoolKey, tally: SocketTally, rules: TallyRules) -> int:
    """Return the ports that surely no socket of the pool holds (facts/ports.py)."""
    address = tally.by_address.get(key.local_address)
    held = tally.held if address is None or tally.address_overflow else address.held
    return rules.usable & ~rules.blocked & ~rules.served & ~held
