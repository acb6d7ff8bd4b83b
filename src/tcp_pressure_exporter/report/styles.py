"""How things look where there is colour; nothing is told by it alone."""

from collections.abc import Mapping

from tcp_pressure_exporter.findings.kinds import Severity

DIM = "dim"
TITLE = "bold underline"
SEVERITY_STYLES: Mapping[Severity, str] = {
    Severity.CALM: "green",
    Severity.WARNING: "yellow",
    Severity.CRITICAL: "bold red",
}
VERDICT_STYLES = {
    "calm": "bold green",
    "warning": "bold black on yellow",
    "critical": "bold white on red",
    "unknown": "bold white on magenta",
}
