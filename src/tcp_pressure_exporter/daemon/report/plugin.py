"""--nagios: anything that goes wrong before the verdict is UNKNOWN, on stdout, with exit code 3."""

from collections.abc import Callable
from typing import NoReturn

from tcp_pressure_exporter.pages.report.plugin import plugin_text

NAGIOS = "--nagios"
UNKNOWN_CODE = 3


def misuse(message: str) -> NoReturn:
    """Print why there is no verdict, and exit."""
    raise SystemExit(unknown(message))


def unknown(message: str) -> int:
    """Print why there is no verdict; return the exit code."""
    print(plugin_text("UNKNOWN", message), flush=True)  # noqa: T201 - the monitoring system reads stdout
    return UNKNOWN_CODE


def without_surprise(run: Callable[[], int]) -> int:
    """Run the report; an unforeseen error would end Python with 1, which means WARNING."""
    try:
        return run()
    except Exception as error:  # noqa: BLE001 - whatever it is
        return unknown(f"{type(error).__name__}: {error}")
