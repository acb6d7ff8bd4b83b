"""The two command lines: arguments → options, or one line that says what is wrong."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import NoReturn

from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.sample.namespaces import NamespaceChoice
from tcp_pressure_exporter.settings.config import MAX_TOP
from tcp_pressure_exporter.settings.flags import (
    DEFAULT_LISTEN_ADDRESS,
    PROGRAM,
    OneLineParser,
    add_flag,
    build_parser,
    checked,
    usage_error,
)
from tcp_pressure_exporter.settings.values import parse_integer, parse_interval, parse_path

SHOWN_LENGTH = 60  # characters of an unknown flag


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says. The listen addresses and the telemetry path are not checked.

    interval is in seconds; max_cpu is a share of one CPU; source is "auto" or one of sockets;
    pool_top is None unless given;
    others: which other network namespaces are sampled, None for none.
    """

    listen_addresses: tuple[str, ...]
    telemetry_path: str
    web_config_file: Path | None
    systemd_socket: bool
    max_requests: int
    interval: float
    max_cpu: float
    source: str
    netns: str
    others: NamespaceChoice | None
    pool_top: int | None
    collectors: frozenset[str]
    config_file: Path | None
    once: bool
    procfs: Path
    log_level: str
    log_format: str


def parse_options(argv: Sequence[str], collectors: Mapping[str, str]) -> Options:
    """Parse the arguments after the program's name. collectors: name → what it tells.

    --help and --version print to stdout and exit with code 0; a bad argument is a usage_error.
    """
    namespace, rest = build_parser(collectors).parse_known_args(argv)
    if rest:
        refuse(rest[0])
    values = vars(namespace)
    enabled = frozenset(name for name in collectors if values[f"collector.{name}"])
    if not enabled:
        usage_error("--no-collector: all collectors are off, nothing is left to export")
    if values["web.systemd_socket"] and values["web.listen_address"]:
        usage_error("--web.systemd-socket: cannot be combined with --web.listen-address")
    others = NamespaceChoice(values["netns.include"], values["netns.exclude"], values["netns.max"])
    return Options(
        listen_addresses=tuple(values["web.listen_address"] or [DEFAULT_LISTEN_ADDRESS]),
        telemetry_path=values["web.telemetry_path"],
        web_config_file=values["web.config.file"],
        systemd_socket=values["web.systemd_socket"],
        max_requests=values["web.max_requests"],
        interval=values["sample.interval"],
        max_cpu=values["sample.max_cpu"],
        source=values["sample.source"],
        netns=values["netns.name"],
        others=others if values["collector.netns"] else None,
        pool_top=values["pool.top"],
        collectors=enabled,
        config_file=values["config.file"],
        once=values["once"],
        procfs=values["path.procfs"],
        log_level=values["log.level"],
        log_format=values["log.format"],
    )


def refuse(argument: str) -> NoReturn:
    """Report an argument that no flag takes as a usage_error."""
    flag = argument.partition("=")[0][:SHOWN_LENGTH]
    usage_error(f"{flag}: {'unknown flag' if flag.startswith('-') else 'unexpected argument'}")


DEFAULT_INTERVAL = 2.0  # seconds: a person wants to see it move
DESCRIPTION = """\
Tells which TCP resource of this host is closest to its limit, who causes it,
how long it lasts and what to do. Looks twice, up to three seconds apart, where
once cannot tell. Changes nothing; needs no root."""
EPILOG = "exit codes: 0 calm, 1 warning, 2 critical or bad flag, 3 no verdict"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the command line says.

    watch: seconds between reports, None for one report. top: None unless given. port: the local
    port whose holders are asked for, None for the report on everything.
    """

    watch: float | None
    json: bool
    config_file: Path | None
    top: int | None
    procfs: Path
    port: int | None = None


def parse_report_options(argv: Sequence[str]) -> ReportOptions:
    """Parse the arguments after `report`; as options.parse_options does."""
    namespace, rest = build_report_parser().parse_known_args(argv)
    if rest:
        refuse(rest[0])
    values = vars(namespace)
    if values["port"] is not None and values["watch"] is not None:
        usage_error("--port: cannot be combined with --watch")
    return ReportOptions(
        watch=values["watch"],
        json=values["json"],
        config_file=values["config.file"],
        top=values["pool.top"],
        procfs=values["path.procfs"],
        port=values["port"],
    )


def build_report_parser() -> OneLineParser:
    """Return the parser of the flags."""
    parser = OneLineParser(
        prog=f"{PROGRAM} report",
        usage="%(prog)s [flags]",
        description=DESCRIPTION,
        epilog=EPILOG,
        allow_abbrev=False,
        add_help=False,
        formatter_class=partial(RawDescriptionHelpFormatter, width=80, max_help_position=30),
    )
    group = parser.add_argument_group("flags")
    flag = partial(add_flag, group.add_argument)
    group.add_argument(
        "--watch",
        metavar="TIME",
        nargs="?",
        const=DEFAULT_INTERVAL,
        type=checked(parse_interval),
        help="look again every TIME until Ctrl-C (2s)",
    )
    group.add_argument("--json", action="store_true", help="one JSON document a line, for scripts")
    port = partial(parse_integer, low=1, high=MAX_PORT)
    flag("--port", "N", port, None, "tell who holds this local port, no more")
    top = partial(parse_integer, low=0, high=MAX_TOP)
    flag("--config.file", "FILE", parse_path, None, "the exporter's file: groups, pools.top")
    flag("--pool.top", "N", top, None, "pools of each direction, and accept queues, looked at (10)")
    flag("--path.procfs", "DIR", parse_path, "/proc", "where procfs is mounted")
    group.add_argument("-h", "--help", action="help", help="print this and exit")
    return parser
