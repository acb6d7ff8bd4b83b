"""Findings about the settings of Windows and Solaris, each with its check."""

from tcp_pressure_exporter.facts.system import (
    LEAST_DELAY,
    LEAST_TIME_WAIT_INTERVAL,
    MAX_USER_PORT,
    MOST_DELAY,
    TIME_WAIT_INTERVAL,
    TIMED_WAIT_DELAY,
    WINDOWS,
)
from tcp_pressure_exporter.findings.evidence import Evidence
from tcp_pressure_exporter.findings.finding import Finding
from tcp_pressure_exporter.findings.kinds import Severity


def timed_wait_delay_out_of_bounds(evidence: Evidence) -> str | None:
    """Find a TcpTimedWaitDelay that Windows does not accept as it is."""
    delay = evidence.sysctl(TIMED_WAIT_DELAY)
    if delay is None or LEAST_DELAY <= delay <= MOST_DELAY:
        return None
    return f"{TIMED_WAIT_DELAY} = {delay}; allowed are {LEAST_DELAY} to {MOST_DELAY}"


TIMED_WAIT_DELAY_OUT_OF_BOUNDS = Finding(
    "timed_wait_delay_out_of_bounds",
    Severity.WARNING,
    "Windows only accepts a TcpTimedWaitDelay of 30 to 300 seconds: choose one of these, or"
    " delete it to get the default.",
    timed_wait_delay_out_of_bounds,
    systems=(WINDOWS,),
)


def max_user_port_leftover(evidence: Evidence) -> str | None:
    """Find a MaxUserPort: since Windows Vista netsh sets the dynamic port range (KB929851)."""
    port = evidence.sysctl(MAX_USER_PORT)
    return None if port is None else f"{MAX_USER_PORT} = {port}"


MAX_USER_PORT_LEFTOVER = Finding(
    "max_user_port_leftover",
    Severity.CALM,
    "MaxUserPort has had no effect since Windows Vista and Server 2008: delete it, and if the"
    " range is too small, set it with netsh.",
    max_user_port_leftover,
    systems=(WINDOWS,),
)


def time_wait_interval_below_minimum(evidence: Evidence) -> str | None:
    """Find a TIME_WAIT shorter than this Solaris's vendor allows."""
    interval = evidence.sysctl(TIME_WAIT_INTERVAL)
    least = LEAST_TIME_WAIT_INTERVAL.get(evidence.system)
    if interval is None or least is None or interval >= least:
        return None
    return f"{TIME_WAIT_INTERVAL} = {interval}; the vendor's minimum is {least}"


TIME_WAIT_INTERVAL_BELOW_MINIMUM = Finding(
    "time_wait_interval_below_minimum",
    Severity.WARNING,
    "tcp_time_wait_interval is shorter than the vendor allows, so old segments may reach new"
    " connections: restore 60000.",
    time_wait_interval_below_minimum,
    systems=tuple(LEAST_TIME_WAIT_INTERVAL),
)
