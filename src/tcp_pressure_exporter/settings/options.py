"""The two command lines: arguments → options, or one line that says what is wrong."""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tcp_pressure_exporter.facts.ports import MAX_PORT
from tcp_pressure_exporter.pools.remedies import Remedy
from tcp_pressure_exporter.sample.namespaces import NamespaceChoice
from tcp_pressure_exporter.settings.config import MAX_TOP
from tcp_pressure_exporter.settings.flags import (
    DEFAULT_LISTEN_ADDRESS,
    PROGRAM,
    OneLineParser,
    Refuse,
    add_flag,
    build_parser,
    checked,
    usage_error,
)
from tcp_pressure_exporter.settings.nearest import did_you_mean
from tcp_pressure_exporter.settings.remedies import parse_remedy
from tcp_pressure_exporter.settings.values import (
    THIS_HOST,
    ExporterUrl,
    parse_exporter,
    parse_integer,
    parse_path,
    parse_pause,
)

SHOWN_LENGTH = 60  # characters shown of an unknown flag


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line says; listen_addresses, allowed_hosts and telemetry_path unchecked.

    check: only check whether the files are good.
    interval is in seconds; max_cpu is a share of one CPU; source is "auto" or one of sockets;
    pool_top is None unless given.
    others: which other network namespaces are sampled, None for none.
    """

    listen_addresses: tuple[str, ...]
    allowed_hosts: tuple[str, ...]
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
    once_file: Path | None
    procfs: Path
    log_level: str
    log_format: str
    check: bool = False


def parse_options(argv: Sequence[str], collectors: Mapping[str, str]) -> Options:
    """Parse the arguments after the program's name. collectors: name → what it reports.

    --help and --version print to stdout and exit with code 0; a bad argument is a usage_error.
    """
    parser = build_parser(collectors)
    namespace, rest = parser.parse_known_args(argv)
    if rest:
        first = rest[0] is argv[0] and not rest[0].startswith("-")
        parser.refuse(_unknown_command(rest[0]) if first else _unknown(rest[0], parser, "--help"))
    values = vars(namespace)
    enabled = frozenset(name for name in collectors if values[f"collector.{name}"])
    if not enabled:
        usage_error("--no-collector: all collectors are off, so there is nothing to export")
    if values["web.systemd_socket"] and values["web.listen_address"]:
        usage_error("--web.systemd-socket: cannot be combined with --web.listen-address")
    others = NamespaceChoice(values["netns.include"], values["netns.exclude"], values["netns.max"])
    return Options(
        listen_addresses=tuple(values["web.listen_address"] or [DEFAULT_LISTEN_ADDRESS]),
        allowed_hosts=tuple(values["web.allowed_host"] or ()),
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
        once_file=values["once.file"],
        procfs=values["path.procfs"],
        log_level=values["log.level"],
        log_format=values["log.format"],
        check=values["config.check"],
    )


def _unknown_command(word: str) -> str:
    return f"{word[:SHOWN_LENGTH]}: unknown command{did_you_mean(word, [REPORT])} (see --help)"


def _unknown(argument: str, parser: OneLineParser, more: str) -> str:
    """Say that an argument is unknown, and which flag may be meant; more: where they all are."""
    flag = argument.partition("=")[0][:SHOWN_LENGTH]
    if not flag.startswith("-"):
        return f"{flag}: unexpected argument (see {more})"
    if parser.prog == PROGRAM and flag in build_report_parser().flags:
        return f"{flag}: unknown flag, did you mean {REPORT} {flag}? (see {more})"
    return f"{flag}: unknown flag{did_you_mean(flag, parser.flags)} (see {more})"


REPORT = "report"  # the command


DEFAULT_INTERVAL = 2.0  # seconds: short enough for a person to see it move
DESCRIPTION = """\
Shows which TCP resource of this host is closest to its limit, who causes it,
when it will be full and what to do. Looks for two or three seconds if one look
cannot tell. Changes nothing; needs no root."""
EPILOG = "exit codes: 0 calm, 1 warning, 2 critical or bad flag, 3 no verdict"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the command line says.

    watch: seconds between reports, None for one report. top: None unless given. port: the local
    port whose holders are asked for, None for the report on everything. nagios: one line, as a
    monitoring plugin prints it. remedies: from --what-if. exporter: the one to ask what it
    remembers, None for none; exporter_named: whether --from named it.
    """

    watch: float | None
    json: bool
    config_file: Path | None
    top: int | None
    procfs: Path
    port: int | None = None
    nagios: bool = False
    remedies: tuple[Remedy, ...] = ()
    exporter: ExporterUrl | None = THIS_HOST
    exporter_named: bool = False


def parse_report_options(argv: Sequence[str], refuse: Refuse = usage_error) -> ReportOptions:
    """Parse the arguments after `report`, as parse_options does. refuse: called for bad ones."""
    parser = build_report_parser(refuse)
    namespace, rest = parser.parse_known_args(argv)
    if rest:
        parser.refuse(_unknown(rest[0], parser, f"{REPORT} --help"))
    values = vars(namespace)
    _refuse_together(parser, values)
    return ReportOptions(
        watch=values["watch"],
        json=values["json"],
        config_file=values["config.file"],
        top=values["pool.top"],
        procfs=values["path.procfs"],
        port=values["port"],
        nagios=values["nagios"],
        remedies=tuple(values["what_if"] or ()),
        exporter=values["from"],
        exporter_named=values["from"] is not THIS_HOST,
    )


# In each pair, the second makes no sense together with the first.
EXCLUSIVE = (("port", "watch"), ("nagios", "json"), ("nagios", "watch"), ("nagios", "port"))


def _refuse_together(parser: OneLineParser, values: Mapping[str, Any]) -> None:
    for one, other in EXCLUSIVE:
        if values[one] not in {None, False} and values[other] not in {None, False}:
            parser.refuse(f"--{one}: cannot be combined with --{other}")


def build_report_parser(refuse: Refuse = usage_error) -> OneLineParser:
    """Return the parser of the flags. refuse: called when the command line is bad."""
    parser = OneLineParser(
        prog=f"{PROGRAM} report",
        usage="%(prog)s [flags]",
        description=DESCRIPTION,
        epilog=EPILOG,
        allow_abbrev=False,
        add_help=False,
        formatter_class=partial(RawDescriptionHelpFormatter, width=80, max_help_position=30),
        refuse=refuse,
    )
    group = parser.add_argument_group("flags")
    flag = partial(add_flag, group.add_argument)
    group.add_argument(
        "--watch",
        metavar="TIME",
        nargs="?",
        const=DEFAULT_INTERVAL,
        type=checked(parse_pause),
        help="look again every TIME until q or Ctrl-C (2s)",
    )
    group.add_argument(
        "--json", action="store_true", help="one JSON document per line, for scripts"
    )
    group.add_argument(
        "--nagios", action="store_true", help="print one line for Nagios, Icinga and the like"
    )
    group.add_argument(
        "--what-if",
        metavar="THIS",
        action="append",
        type=checked(parse_remedy),
        help="range=L-H, tw_reuse=1, addresses=+N or keepalive=SHARE",
    )
    group.add_argument(
        "--from",
        metavar="URL",
        type=checked(parse_exporter),
        default=THIS_HOST,
        help=f"ask this exporter, too, or none ({THIS_HOST.text})",
    )
    port = partial(parse_integer, low=1, high=MAX_PORT)
    flag("--port", "N", port, None, "only show who holds this local port")
    top = partial(parse_integer, low=0, high=MAX_TOP)
    flag("--config.file", "FILE", parse_path, None, "the exporter's file: groups, pools.top")
    flag("--pool.top", "N", top, None, "pools per direction, and accept queues, to look at (10)")
    flag("--path.procfs", "DIR", parse_path, "/proc", "where procfs is mounted")
    group.add_argument("-h", "--help", action="help", help="print this help and exit")
    return parser
