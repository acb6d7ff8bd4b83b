"""The flags and their help, as an argparse parser whose errors are one line."""

import platform
import re
import sys
from argparse import (
    SUPPRESS,
    ArgumentParser,
    ArgumentTypeError,
    BooleanOptionalAction,
    RawDescriptionHelpFormatter,
)
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, NoReturn

from tcp_pressure_exporter.escaping import escape_controls, quoted
from tcp_pressure_exporter.sample.namespaces import DEFAULT_MOST
from tcp_pressure_exporter.settings.config import MAX_TOP
from tcp_pressure_exporter.settings.values import (
    FORMATS,
    LEVELS,
    SOURCES,
    parse_choice,
    parse_integer,
    parse_interval,
    parse_label,
    parse_path,
    parse_pattern,
    parse_share,
)

PROGRAM = "tcp-pressure-exporter"
VERSION = "0.2.0"  # as in pyproject.toml: asking the metadata for it costs the daemon 0.8 MB
DESCRIPTION = """\
Tells Prometheus how close this host's TCP port pools are to running out, and
for which destinations. Only reads the kernel's socket tables; needs no root."""
DEFAULT_LISTEN_ADDRESS = ":10190"
MAX_REQUESTS = 10_000
MAX_NAMESPACES = 100


BAD_USAGE = 2  # the exit code

Refuse = Callable[[str], NoReturn]  # refuses a command line, for a reason


def usage_error(message: str) -> NoReturn:
    """Print the message as one line on stderr and exit with code 2."""
    say_error(message)
    raise SystemExit(BAD_USAGE)


def say_error(message: str) -> None:
    """Print the message as one line on stderr."""
    line = f"{PROGRAM}: error: {escape_controls(message)}"
    try:
        print(line, file=sys.stderr)  # noqa: T201  # there is no logger yet
    except OSError:
        # If stderr takes nothing, the exit code still tells. Python would try again as it exits,
        # and make the code 120.
        sys.stderr = None


class OneLineParser(ArgumentParser):
    """An ArgumentParser with one-line errors, and help that fits on a screen.

    refuse: called with the reason when the command line is bad.
    """

    def __init__(self, *, refuse: Refuse = usage_error, **settings: Any) -> None:
        super().__init__(**settings)
        self.refuse = refuse

    def error(self, message: str) -> NoReturn:
        """Report argparse's error, `argument FLAG: reason`, as one line."""
        message = message.removeprefix("argument ")
        self.refuse(re.sub(r"ignored explicit argument .*", "takes no value", message))

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags, in the order of the help."""
        return tuple(self._option_string_actions)

    def format_help(self) -> str:
        """Return the help without the blank lines between its parts."""
        parts = r"\n\n(?=(Tells Prometheus|web|sampling|collectors|program)\b)"
        return re.sub(parts, "\n", super().format_help())


def build_parser(collectors: Mapping[str, str]) -> OneLineParser:
    """Return the parser of all flags. collectors: name → what it reports."""
    parser = OneLineParser(
        prog=PROGRAM,
        usage="%(prog)s [flags]\n       %(prog)s report [flags]  (for people, at a terminal)",
        description=DESCRIPTION,
        allow_abbrev=False,
        add_help=False,
        # A fixed width: argparse would otherwise take it from the environment.
        formatter_class=partial(RawDescriptionHelpFormatter, width=80, max_help_position=30),
    )
    _add_web_flags(parser)
    _add_sampling_flags(parser)
    _add_collector_flags(parser, collectors)
    _add_program_flags(parser)
    return parser


def _add_web_flags(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("web")
    group.add_argument(
        "--web.listen-address",
        metavar="ADDR",
        action="append",
        help=f"[host]:port or unix:///path; repeatable ({DEFAULT_LISTEN_ADDRESS})",
    )
    flag = partial(add_flag, group.add_argument)
    flag("--web.telemetry-path", "PATH", str, "/metrics", "path of the metrics")
    group.add_argument(
        "--web.allowed-host",
        metavar="HOST",
        action="append",
        help="answer only for this host; repeatable (any)",
    )
    flag("--web.config.file", "FILE", parse_path, None, "TLS and users, as in exporter-toolkit")
    group.add_argument(
        "--web.systemd-socket",
        action="store_true",
        help="listen on sockets passed by systemd instead",
    )
    requests = partial(parse_integer, low=0, high=MAX_REQUESTS)
    flag("--web.max-requests", "N", requests, "40", "scrapes served at once, 0 = no limit")


def _add_sampling_flags(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("sampling")
    flag = partial(add_flag, group.add_argument)
    top = partial(parse_integer, low=0, high=MAX_TOP)
    flag("--sample.interval", "TIME", parse_interval, "5s", "time between samples, 100ms to 10m")
    flag("--sample.max-cpu", "SHARE", parse_share, "0.05", "share of one CPU that sampling may use")
    source = partial(parse_choice, choices=SOURCES)
    flag("--sample.source", "NAME", source, "auto", "source of sockets: auto, netlink, bpf")
    flag("--pool.top", "N", top, None, "pools listed; overrides pools.top of the file")
    _add_namespace_flags(group.add_argument)
    flag("--path.procfs", "DIR", parse_path, "/proc", "where procfs is mounted")
    once = "print one sample, exit; --once.file FILE: write it"
    group.add_argument("--once", action="store_true", help=once)
    flag("--once.file", "FILE", parse_path, None, SUPPRESS)


def _add_namespace_flags(add_argument: Callable[..., Any]) -> None:
    flag = partial(add_flag, add_argument)
    flag("--netns.name", "NAME", parse_label, "host", "netns label of its own namespace")
    others = partial(add_argument, dest="collector.netns", default=False)
    needs = "others too; needs CAP_SYS_ADMIN and CAP_SYS_PTRACE"
    others("--collector.netns", action="store_true", help=needs)
    others("--no-collector.netns", action="store_false", help=SUPPRESS)
    include = "which others, by label; --netns.exclude: which not"
    flag("--netns.include", "REGEX", parse_pattern, None, include)
    flag("--netns.exclude", "REGEX", parse_pattern, None, SUPPRESS)
    most = partial(parse_integer, low=1, high=MAX_NAMESPACES)
    flag("--netns.max", "N", most, str(DEFAULT_MOST), "at most the N busiest others")


def _add_collector_flags(parser: ArgumentParser, collectors: Mapping[str, str]) -> None:
    """Add a pair of flags for each collector, and one line of help for both."""
    width = max(map(len, collectors), default=0)
    group = parser.add_argument_group(
        "collectors, all on by default (--no-collector.NAME)",
        "\n".join(f"{name:{width}}  {text}" for name, text in collectors.items()),
    )
    for name in collectors:
        group.add_argument(
            f"--collector.{name}", action=BooleanOptionalAction, default=True, help=SUPPRESS
        )


def _add_program_flags(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("program")
    flag = partial(add_flag, group.add_argument)
    level = partial(parse_choice, choices=LEVELS)
    log_format = partial(parse_choice, choices=FORMATS)
    flag(
        "--config.file",
        "FILE",
        parse_path,
        None,
        "YAML, reread on SIGHUP; --config.check: check it",
    )
    group.add_argument("--config.check", action="store_true", help=SUPPRESS)
    flag("--log.level", "LEVEL", level, "info", ", ".join(LEVELS))
    flag("--log.format", "FORMAT", log_format, "auto", ", ".join(FORMATS))
    running = f"{PROGRAM} {VERSION} (Python {platform.python_version()})"
    group.add_argument("--version", action="version", version=running, help=SUPPRESS)
    group.add_argument(
        "-h", "--help", action="help", help="print this help; --version: the version"
    )


def add_flag(  # noqa: PLR0913, PLR0917  # one line of a table for each flag
    add_argument: Callable[..., Any],
    name: str,
    metavar: str,
    parse: Callable[[str], Any],
    default: str | None,
    text: str,
) -> None:
    """Add a flag with a value; argparse parses the default as it does any other value."""
    shown = text if default is None else f"{text} ({default})"
    add_argument(name, metavar=metavar, type=checked(parse), default=default, help=shown)


def checked(parse: Callable[[str], Any]) -> Callable[[str], Any]:
    """Let argparse report a ValueError's own text, and the value that it is about."""

    def parse_checked(text: str) -> Any:
        try:
            return parse(text)
        except ValueError as error:
            raise ArgumentTypeError(f"{error} (got {quoted(text)})") from error

    return parse_checked
