"""What the kernel says when it is asked for a port of a pool."""

from dataclasses import dataclass

from tcp_pressure_exporter.facts.addresses import V4_MAPPED
from tcp_pressure_exporter.facts.tally import PoolKey

# A destination that no one else has, so that asking about a port concerns the port alone.
_NOWHERE_ADDRESS = V4_MAPPED + bytes((127, 101, 127, 101))
NOWHERE = PoolKey(_NOWHERE_ADDRESS, _NOWHERE_ADDRESS, (1).to_bytes(2))


@dataclass(frozen=True, slots=True)
class CanaryAnswer:
    """The kernel's answer for one pool.

    success: a port was found (True); there is none, connect() says EADDRNOTAVAIL (False); or the
    kernel said something else, or was not asked (None), for the given reason.
    seconds: duration of the search of the whole range; None where none was made.
    """

    success: bool | None
    seconds: float | None
    reason: str
