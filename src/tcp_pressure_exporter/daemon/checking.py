"""--config.check: reads every file that the flags name, and says whether each is valid."""

import sys
from collections.abc import Callable, Iterator
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.daemon.protection import WebConfigWatch
from tcp_pressure_exporter.escaping import escape_controls
from tcp_pressure_exporter.settings.config import load_config
from tcp_pressure_exporter.settings.flags import BAD_USAGE, say_error
from tcp_pressure_exporter.settings.options import Options
from tcp_pressure_exporter.settings.reading import ConfigError
from tcp_pressure_exporter.web.listen import ListenError, parse_address
from tcp_pressure_exporter.web.pages.routes import check_telemetry_path


class Check(NamedTuple):
    """Something named on the command line: its flag, what it is, and what raises its error."""

    flag: str
    what: str
    run: Callable[[], object]


def check(options: Options, log: FilteringBoundLogger) -> int:
    """Print one line for each file, the good ones on stdout; return the exit code.

    All errors are reported, not only the first. Nothing is started, and no address is opened.
    """
    code, files = 0, 0
    for one in _checks(options, log):
        try:
            one.run()
        except (ConfigError, ListenError, ValueError) as error:
            say_error(f"{one.flag}: {error}")
            code = BAD_USAGE
        else:
            files += bool(one.what)
            if one.what:
                print(escape_controls(f"{one.what}: ok"))  # noqa: T201 - that was asked for
    if not code and not files:
        print("The flags are valid. They name no file.")  # noqa: T201 - as above
    sys.stdout.flush()
    return code


def _checks(options: Options, log: FilteringBoundLogger) -> Iterator[Check]:
    path = options.telemetry_path
    yield Check("--web.telemetry-path", "", lambda: check_telemetry_path(path))
    for address in options.listen_addresses:
        yield Check("--web.listen-address", "", lambda text=address: parse_address(text))  # type: ignore[misc]  # mypy #12557
    if file := options.config_file:
        yield Check("--config.file", str(file), lambda: load_config(file))
    if web_file := options.web_config_file:
        watch = WebConfigWatch(web_file, log)
        yield Check("--web.config.file", str(web_file), watch.read)
