import io
import json
import os
import pty
import re
import subprocess
import sys
from pathlib import PurePath

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.daemon.logs import make_logger
from tests.support.labs.own_process import buffered

TIME = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z"
HOSTILE = "a\nlevel=error \x1b[31m\r\x85\u2028\x00\"='\\"


def lines_of(log_format: str, level: str = "info") -> tuple[FilteringBoundLogger, io.StringIO]:
    stream = io.StringIO()
    return make_logger(level, log_format, stream), stream


def test_logfmt() -> None:
    """The logfmt format begins with ts, level and msg, and quotes anything but a plain word."""
    logger, stream = lines_of("logfmt")
    logger.info(
        "sample taken", sockets=3, ratio=0.5, ok=True, gone=None, path=PurePath("/x"), empty=""
    )
    assert re.fullmatch(
        rf'ts={TIME} level=info msg="sample taken" sockets=3 ratio=0.5 ok=true gone=null '
        r'path=/x empty=""\n',
        stream.getvalue(),
    )


def test_json() -> None:
    """A JSON event is one object that begins with ts, level and msg."""
    logger, stream = lines_of("json")
    logger.warning("late", seconds=0.25, limit=float("inf"), path=PurePath("/x"), gone=None)
    event = json.loads(stream.getvalue())
    assert list(event)[:3] == ["ts", "level", "msg"]
    assert re.fullmatch(TIME, event.pop("ts"))
    assert event == {
        "level": "warning",
        "msg": "late",
        "seconds": 0.25,
        "limit": "inf",
        "path": "/x",
        "gone": None,
    }


def test_console() -> None:
    """The console format has the event and its values on one line, without colours off a tty."""
    logger, stream = lines_of("console")
    logger.info("sample taken", sockets=3)
    assert re.fullmatch(rf"{TIME} \[info *\] sample taken +sockets=3\n", stream.getvalue())


@pytest.mark.parametrize(
    ("level", "logged"),
    [
        ("debug", ["debug", "info", "warning", "error", "critical"]),
        ("info", ["info", "warning", "error", "critical"]),
        ("warn", ["warning", "error", "critical"]),
        ("error", ["error", "critical"]),
    ],
)
def test_level(level: str, logged: list[str]) -> None:
    """Events below the level are not written."""
    logger, stream = lines_of("logfmt", level)
    for method in ("debug", "info", "warning", "error", "critical"):
        getattr(logger, method)("x")
    assert re.findall(r"level=(\w+)", stream.getvalue()) == logged


@pytest.mark.parametrize("log_format", ["console", "logfmt", "json"])
def test_hostile_text(log_format: str) -> None:
    """Control characters in the message, a value or a value's text cannot leave their line."""
    logger, stream = lines_of(log_format)
    logger.bind(bound=HOSTILE).info(HOSTILE, value=HOSTILE, path=PurePath(HOSTILE), items=[HOSTILE])
    line = stream.getvalue().removesuffix("\n")
    assert line.isprintable()


@pytest.mark.parametrize("log_format", ["console", "logfmt", "json"])
@given(text=st.text())
def test_any_text(log_format: str, text: str) -> None:
    """Any text is written on one printable line."""
    logger, stream = lines_of(log_format)
    logger.info(text, value=text)
    assert stream.getvalue().removesuffix("\n").isprintable()


@given(text=st.text())
def test_values_come_back(text: str) -> None:
    """A reader of JSON, or of logfmt with JSON's quotes, gets the value that was logged."""
    logger, stream = lines_of("json")
    logger.info("x", value=text)
    assert json.loads(stream.getvalue())["value"] == text
    logger, stream = lines_of("logfmt")
    logger.info("x", value=text)
    written = stream.getvalue().removesuffix("\n").split(" value=", 1)[1]
    assert (json.loads(written) if written.startswith('"') else written) == text


def fail() -> None:
    raise RuntimeError(HOSTILE)


def log_exception(logger: FilteringBoundLogger) -> None:
    try:
        fail()
    except RuntimeError:
        logger.exception("sample failed")


@pytest.mark.parametrize("log_format", ["logfmt", "json"])
def test_exception_is_one_line(log_format: str) -> None:
    """A traceback is the value `exception` of its line."""
    logger, stream = lines_of(log_format)
    log_exception(logger)
    line = stream.getvalue().removesuffix("\n")
    assert line.isprintable()
    assert re.search(r'exception"?[=:] ?"Traceback \(most recent call last\):\\n', line)
    assert "RuntimeError: a" in line


def test_exception_on_a_console() -> None:
    """A traceback on a console is indented, so that no line of it passes for an event."""
    logger, stream = lines_of("console")
    log_exception(logger)
    event, *traceback = stream.getvalue().removesuffix("\n").split("\n")
    assert event.endswith("sample failed")
    assert all(line.startswith("    ") and line.isprintable() for line in traceback)
    assert traceback[0] == "    Traceback (most recent call last):"
    assert traceback[-1].startswith(r"    level=error \x1b[31m\r\x85\u2028\x00")


def test_auto_off_a_terminal() -> None:
    """Format auto is logfmt if the stream is not a terminal."""
    logger, stream = lines_of("auto")
    logger.info("x")
    assert stream.getvalue().startswith("ts=")


def test_auto_on_a_terminal() -> None:
    """Format auto is the console format, in colours, if the stream is a terminal."""
    master, slave = pty.openpty()
    try:
        with os.fdopen(slave, "w", encoding="utf-8") as terminal:
            make_logger("info", "auto", terminal).info("hello")
            written = os.read(master, 1000).decode()
    finally:
        os.close(master)
    assert "\x1b[" in written
    assert "hello" in written
    assert "ts=" not in written


class FullDisk(io.StringIO):
    def write(self, _text: str) -> int:
        raise OSError(28, "No space left on device")


def test_stream_that_takes_nothing() -> None:
    """A full, a closed or no stream at all loses the line and raises nothing."""
    closed = io.StringIO()
    closed.close()
    for stream in (FullDisk(), closed, None):
        make_logger("info", "auto", stream).info("lost")


def test_stream_that_closes_later() -> None:
    """A stream that closes after the first line loses the rest."""
    logger, stream = lines_of("logfmt")
    logger.info("kept")
    stream.close()
    logger.info("lost")


def test_broken_stderr() -> None:
    """A process whose log reader has gone carries on, and exits with its own code."""
    code = (
        "import sys; from tcp_pressure_exporter.daemon.logs import make_logger\n"
        "logger = make_logger('info', 'auto', sys.stderr)\n"
        "for number in range(1000): logger.info('lost', number=number)\n"
        "print('alive')"
    )
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = subprocess.run(
            [sys.executable, "-c", code],
            env=buffered(),
            stdout=subprocess.PIPE,
            stderr=writer,
            check=False,
        )
    finally:
        os.close(writer)
    assert (done.returncode, done.stdout) == (0, b"alive\n")


def test_no_global_configuration() -> None:
    """Two loggers with different levels and formats do not disturb each other."""
    quiet, quiet_stream = lines_of("json", "error")
    loud, loud_stream = lines_of("logfmt", "debug")
    quiet.info("x")
    loud.debug("x")
    assert quiet_stream.getvalue() == ""
    assert loud_stream.getvalue().startswith("ts=")
