"""A logger that keeps its events for a test to read."""

import structlog
from structlog.testing import LogCapture
from structlog.typing import FilteringBoundLogger, Processor


def captured_log(*before: Processor) -> tuple[FilteringBoundLogger, LogCapture]:
    """Return a logger and its capture, whose `entries` are the events.

    before: what else each event passes first.
    """
    capture = LogCapture()
    log: FilteringBoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(),
        processors=[*before, capture],
        wrapper_class=structlog.make_filtering_bound_logger("debug"),
    )
    return log, capture
