"""How many ports sockets hold that were bound before they connected: an estimate from samples.

Such a port is closed to every connect(), and sock_diag does not tell it from others.
"""

from dataclasses import dataclass

from tcp_pressure_exporter.facts.canary import NOWHERE
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules

# Highest ratio of the outbound and source pools from which on hidden ports may matter.
WORTH_ASKING = 0.3
SAMPLES = 12  # a minute at the default interval: 768 ports asked, an error of some per cent


def candidates(tally: SocketTally, rules: TallyRules) -> int:
    """Return the ports that may be hidden (facts/ports.py): held, and not known to be bound."""
    nowhere = tally.by_address.get(NOWHERE.local_address)
    own = nowhere.held if nowhere else 0
    return rules.usable & tally.held & ~rules.blocked & ~own


@dataclass(frozen=True, slots=True)
class HiddenPorts:
    """What the last samples showed: (asked, hidden) of each, and the candidates of the newest."""

    samples: tuple[tuple[int, int], ...] = ()
    candidates: int = 0

    def after(self, candidates: int, asked: int, hidden: int) -> "HiddenPorts":
        """Return the estimate after one more sample."""
        return HiddenPorts((*self.samples, (asked, hidden))[-SAMPLES:], candidates)

    @property
    def estimate(self) -> float | None:
        """The hidden ports; None where the kernel did not answer."""
        if self.candidates == 0:
            return 0.0
        asked = sum(asked for asked, _hidden in self.samples)
        hidden = sum(hidden for _asked, hidden in self.samples)
        return self.candidates * hidden / asked if asked else None
