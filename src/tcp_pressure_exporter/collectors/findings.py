"""Advice that a machine can check.

Exposition:

    tcp_pressure_finding{netns="host",finding="tw_recycle_enabled"} 0.0
    tcp_pressure_finding{netns="host",finding="listener_in_port_range"} 1.0
"""

from collections.abc import Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, rows_of
from tcp_pressure_exporter.findings.finding import FindingState
from tcp_pressure_exporter.sample.sample import FINDINGS, NamespaceSample


def _rows(states: tuple[FindingState, ...]) -> Iterator[Row]:
    for state in states:
        if state.finding.exported:
            yield (state.finding.name,), float(state.detail is not None)


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_finding",
        "1 if there is something to fix or improve, 0 if not; absent if that cannot be"
        " determined. What each finding means and what to do: docs/findings.md. For details of"
        " what was found, run `tcp-pressure-exporter report`.",
        ("netns", "finding"),
        rows_of(FINDINGS, _rows),
    ),
)
