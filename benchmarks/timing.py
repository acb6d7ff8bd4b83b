"""What one measurement took."""

import json
from typing import NamedTuple


class Timing(NamedTuple):
    """Seconds of one sample: wall time, and CPU time."""

    wall: float
    cpu: float


def parse_timing(line: str) -> Timing:
    """Parse the line a child prints per sample: {"wall": 0.041, "cpu": 0.040}."""
    fields = json.loads(line)
    return Timing(float(fields["wall"]), float(fields["cpu"]))
