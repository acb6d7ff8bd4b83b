"""The daemon's own log: one event, rendered for a terminal, as logfmt or as JSON."""

import atexit
import json
import math
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from traceback import format_exception
from typing import Any, TextIO, cast

import structlog
from structlog.dev import ConsoleRenderer
from structlog.processors import (
    NAME_TO_LEVEL,
    JSONRenderer,
    TimeStamper,
    add_log_level,
    format_exc_info,
)
from structlog.typing import EventDict, ExcInfo, FilteringBoundLogger, Processor, WrappedLogger

from tcp_pressure_exporter.escaping import escape_controls

# On Windows structlog would need another library for them.
COLORS = sys.platform != "win32"
BARE = re.compile(r"""[!#-<>-\[\]-~]+""")  # visible ASCII without double quote, = and backslash


@dataclass(slots=True)
class LostLines:
    """How many lines a log's stream did not accept."""

    count: int = 0


def make_logger(
    level: str, log_format: str, stream: TextIO | None, lost: LostLines | None = None
) -> FilteringBoundLogger:
    """Return a logger that writes events of at least a level to the stream, in one of FORMATS.

    level: one of LEVELS. auto means console on a terminal and logfmt elsewhere. Without a stream
    (sys.stderr is None if it was closed when the process started) events go nowhere. lost: counts
    the lines that the stream refuses.
    """
    on_terminal = stream is not None and not stream.closed and stream.isatty()
    if log_format == "auto":
        log_format = "console" if on_terminal else "logfmt"
    logger = structlog.wrap_logger(
        structlog.ReturnLogger() if stream is None else LossyLogger(stream, lost or LostLines()),
        processors=_processors(log_format, colors=on_terminal and COLORS),
        wrapper_class=structlog.make_filtering_bound_logger(NAME_TO_LEVEL[level]),
        context_class=dict,
        cache_logger_on_first_use=True,
    )
    return cast("FilteringBoundLogger", logger)


class LossyLogger(structlog.WriteLogger):
    """Writes lines to a stream; drops and counts those that the stream does not take."""

    def __init__(self, stream: TextIO, lost: LostLines) -> None:
        super().__init__(stream)
        self._lost = lost

    def msg(self, message: str) -> None:
        """Write and flush the line."""
        try:
            super().msg(message)
        except (OSError, ValueError):
            # OSError: the reader of the pipe has gone, or the disk is full. ValueError: the stream
            # was closed, or cannot encode the text. Metrics matter more than the log, and there is
            # no better place to complain than the one that has just failed.
            self._lose()

    def _lose(self) -> None:
        """Count the line, and keep the exit code.

        Python makes it 120 if stderr still holds text that it could not write.
        """
        if not self._lost.count and self._file is sys.stderr:
            atexit.register(setattr, sys, "stderr", None)
        self._lost.count += 1

    debug = info = warning = error = critical = msg


def _processors(log_format: str, *, colors: bool) -> Sequence[Processor]:
    stamp: list[Processor] = [add_log_level, TimeStamper(fmt="iso", utc=True, key="ts")]
    if log_format == "console":
        renderer = ConsoleRenderer(
            colors=colors,
            event_key="msg",
            timestamp_key="ts",
            sort_keys=False,
            exception_formatter=_write_traceback,
        )
        return [*stamp, _ordered, _scalars, _escaped, renderer]
    renderers: dict[str, Processor] = {"logfmt": _logfmt, "json": JSONRenderer()}
    return [*stamp, format_exc_info, _ordered, _scalars, renderers[log_format]]


def _ordered(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Put ts, level and msg, which is structlog's event, before the rest."""
    head = {"ts": event.pop("ts"), "level": event.pop("level"), "msg": event.pop("event")}
    return head | dict(event)


def _scalars(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    """Turn each value for which JSON has no scalar into text; exc_info is for the renderer."""
    return {
        key: value if key == "exc_info" or _is_scalar(value) else str(value)
        for key, value in event.items()
    }


def _is_scalar(value: Any) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)  # JSON has no infinity
    return value is None or isinstance(value, str | int)


def _escaped(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    return {
        key: escape_controls(value) if isinstance(value, str) else value
        for key, value in event.items()
    }


def _logfmt(_logger: WrappedLogger, _method: str, event: EventDict) -> str:
    """Render key=value pairs; structlog's renderer escapes only newlines."""
    return " ".join(f"{key}={_logfmt_value(value)}" for key, value in event.items())


def _logfmt_value(value: str | float | None) -> str:
    if isinstance(value, str):
        return value if BARE.fullmatch(value) else json.dumps(value)
    return json.dumps(value)


def _write_traceback(stream: TextIO, exc_info: ExcInfo) -> None:
    """Write a traceback in several lines, indented so that none passes for an event."""
    lines = "".join(format_exception(*exc_info)).rstrip("\n").split("\n")
    stream.writelines(f"\n    {escape_controls(line)}" for line in lines)
