"""How bad a pool is, computed in PromQL by its own direction's thresholds.

So tiles, tables and alerts agree: a common threshold would paint a source pool red that no alert
calls critical.
"""

from collections.abc import Callable

from grafana.source.colour import ATTENTION, DANGER, OK
from grafana.source.names import label_replace
from grafana.source.panel import Json, texts
from grafana.source.table import Column
from tcp_pressure_exporter.findings.kinds import KINDS, NEVER, SOON
from tcp_pressure_exporter.pools.directions import INBOUND, NAT, OUTBOUND, SOURCE

DIRECTIONS = (OUTBOUND, SOURCE, INBOUND, NAT)
DATED = (OUTBOUND, INBOUND)  # the directions with a forecast
WORDS = {"0": "calm", "1": "warning", "2": "critical"}
COLOURS = {"0": OK, "1": ATTENTION, "2": DANGER}

Selected = Callable[[str], str]  # an expression, given a matcher of the direction


def severity(ratio: Selected, seconds: Selected) -> str:
    """Return 0, 1 or 2 for each pool, as tcp_pressure_exporter.findings.kinds.severity_of does."""
    return " or ".join(severity_of(direction, ratio, seconds) for direction in DIRECTIONS)


def severity_of(direction: str, ratio: Selected, seconds: Selected | None = None) -> str:
    """Return the same for the pools of one direction."""
    kind, matcher = KINDS[direction], _of(direction)
    worst = 1 if kind.critical == NEVER else 2
    full = f"({ratio(matcher)} >= bool {kind.warning:g})"
    if kind.critical != NEVER:
        full = f"({full} + ({ratio(matcher)} >= bool {kind.critical:g}))"
    if direction not in DATED or seconds is None:
        return full
    soon = f"{worst} * ({seconds(matcher)} < bool {SOON:g})"
    # The fullest pools and those that will be full first need not be the same.
    apart = label_replace(soon, "by", "forecast", "", "")
    return f"(max without (by) ({apart} or {full}))"


def pressure(ratio: Selected) -> str:
    """Return each pool's share relative to its direction's threshold: from 1 up it warns.

    It is one figure for all directions, and cheaper than the severity, to find the worst of many.
    """
    return " or ".join(
        f"{ratio(_of(direction))} / {KINDS[direction].warning:g}" for direction in DIRECTIONS
    )


def _of(direction: str) -> str:
    return f'direction="{direction}"'


def severity_column(name: str) -> Column:
    """Return the column that shows it, in the colours of the alerts."""
    return Column(
        name=name, title="State", width=80, coloured=True, worded=True, mappings=[_words()]
    )


def _words() -> Json:
    return texts(WORDS, COLOURS)
