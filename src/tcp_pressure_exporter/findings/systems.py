"""Findings about the settings of Windows and Solaris; each check as in port_findings.py."""

from tcp_pressure_exporter.facts.system import (
    LEAST_DELAY,
    LEAST_TIME_WAIT_INTERVAL,
    MAX_USER_PORT,
    MOST_DELAY,
    TIME_WAIT_INTERVAL,
    TIMED_WAIT_DELAY,
)
from tcp_pressure_exporter.findings.evidence import Evidence


def timed_wait_delay_out_of_bounds(facts: Evidence) -> str | None:
    """Find a TcpTimedWaitDelay that Windows does not take as it is."""
    delay = facts.sysctl(TIMED_WAIT_DELAY)
    if delay is None or LEAST_DELAY <= delay <= MOST_DELAY:
        return None
    return f"{TIMED_WAIT_DELAY} = {delay}, its bounds are {LEAST_DELAY} and {MOST_DELAY}"


def max_user_port_leftover(facts: Evidence) -> str | None:
    """Find a MaxUserPort: since Windows Vista netsh sets the dynamic port range (KB929851)."""
    port = facts.sysctl(MAX_USER_PORT)
    return None if port is None else f"{MAX_USER_PORT} = {port}"


def time_wait_interval_below_minimum(facts: Evidence) -> str | None:
    """Find a TIME_WAIT shorter than the vendor of this Solaris says it may be."""
    interval = facts.sysctl(TIME_WAIT_INTERVAL)
    least = LEAST_TIME_WAIT_INTERVAL.get(facts.system)
    if interval is None or least is None or interval >= least:
        return None
    return f"{TIME_WAIT_INTERVAL} = {interval}, the least that the vendor allows is {least}"
