"""What one look at a host showed, before it is laid out."""

from dataclasses import dataclass
from datetime import datetime

from tcp_pressure_exporter.verdict.assessment import Assessment

LeftOut = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Observation:
    """What one look showed.

    time: when it began, with its zone. seconds: how long it took. left_out: (what, why) is not
    shown: for want of rights, or with portable because sockets were read through psutil.
    """

    host: str
    time: datetime
    seconds: float
    assessment: Assessment
    left_out: LeftOut = ()
    portable: bool = False
