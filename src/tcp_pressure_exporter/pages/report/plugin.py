"""The report as the one line of a monitoring plugin: the state, the sentence, and the figures.

The Monitoring Plugins Development Guidelines (sections "Plugin Output for Nagios", "Threshold and
Ranges", "Performance data") define the line.
"""

import math
from collections.abc import Iterator

from tcp_pressure_exporter.findings.kinds import KINDS, NEVER, SOON, Kind
from tcp_pressure_exporter.pages.report.text import Charset
from tcp_pressure_exporter.pages.snapshot import Observation
from tcp_pressure_exporter.verdict.assessment import Assessment
from tcp_pressure_exporter.verdict.headline import verdict_on
from tcp_pressure_exporter.verdict.words import UNKNOWN

SERVICE = "TCP PRESSURE"
STATES = {"calm": "OK", "warning": "WARNING", "critical": "CRITICAL", UNKNOWN: "UNKNOWN"}
NOT_KNOWN = "U"  # instead of a figure


def plugin_line(observation: Observation) -> str:
    """Return the line, in ASCII: `TCP PRESSURE OK - sentence | 'label'=value;warn;crit;min;max`."""
    assessment = observation.assessment
    verdict = verdict_on(assessment)
    figures = " ".join(_figures(assessment))
    return f"{plugin_text(STATES[verdict.word], verdict.sentence)} | {figures}"


def plugin_text(state: str, message: str) -> str:
    """Return a line without figures. The first | would end the text, so names have it escaped."""
    shown = Charset(unicode=False).plain(message).replace("|", r"\x7c")
    return f"{SERVICE} {state} - {shown}"


def _figures(assessment: Assessment) -> Iterator[str]:
    """Yield the same labels in every case, since each becomes a file in the monitoring system."""
    for kind in KINDS.values():
        ratios = [one.ratio for one in assessment.pressures if one.kind == kind.name]
        yield _ratio(kind, max(ratios, default=0.0))
    left = min((_left(one.seconds_left) for one in assessment.pressures), default=math.inf)
    shown = NOT_KNOWN if math.isinf(left) else f"{int(left)}s"
    yield f"'full_in'={shown};;{SOON:.0f}:;0;"  # "60:" is bad below 60
    stuck = assessment.close_wait
    count = NOT_KNOWN if stuck is None else sum(cause.sockets for cause in stuck.causes.values())
    yield f"'close_wait'={count};;;0;"


def _ratio(kind: Kind, ratio: float) -> str:
    return f"'{kind.name}'={_percent(ratio)}%;{_percent(kind.warning)};{_percent(kind.critical)};0;"


def _percent(ratio: float) -> str:
    return "" if ratio == NEVER else f"{ratio * 100:.4g}"


def _left(seconds: float | None) -> float:
    return math.inf if seconds is None else seconds
