"""How much of one pool is used, and what its TIME_WAIT ports tell."""

from typing import NamedTuple

from tcp_pressure_exporter.facts.time_wait import TIME_WAIT_HOLD
from tcp_pressure_exporter.model.closes import summed


class Usage(NamedTuple):
    """Ports of one pool.

    used: no new connection can take them now; limit: how many the choosing side has.
    time_wait: held by TIME_WAIT alone, the reclaimable ones included; None where the system does
    not show them, and `used` lacks them.
    reclaimable: in TIME_WAIT, but a connect() would take them over; None where that cannot be.
    entered: ports that entered TIME_WAIT since the sample before.
    ages: the histogram of model/closes.py; None where it is not known.
    hold: seconds that TIME_WAIT keeps a port from the choosing side.
    """

    used: int
    limit: int
    time_wait: int | None
    reclaimable: int | None
    entered: int = 0
    ages: bytes | None = None
    hold: float = TIME_WAIT_HOLD

    @property
    def ratio(self) -> float:
        """Used ÷ limit; a pool without any port is full."""
        return self.used / self.limit if self.limit else 1.0

    @property
    def live(self) -> int:
        """Used ports that are not in TIME_WAIT."""
        return self.used - (self.time_wait or 0) + (self.reclaimable or 0)

    def plus(self, other: "Usage") -> "Usage":
        """Return both pools as one."""
        return Usage(
            self.used + other.used,
            self.limit + other.limit,
            None if self.time_wait is None else self.time_wait + (other.time_wait or 0),
            None if self.reclaimable is None else self.reclaimable + (other.reclaimable or 0),
            self.entered + other.entered,
            None if self.ages is None else summed(filter(None, (self.ages, other.ages))),
            max(self.hold, other.hold),
        )
