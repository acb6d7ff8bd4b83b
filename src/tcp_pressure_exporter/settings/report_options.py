"""The command line of the report: arguments → ReportOptions, or one line that says what is wrong.

Its parser is made of the exporter's own flags.
"""

from argparse import RawDescriptionHelpFormatter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tcp_pressure_exporter.settings.config import MAX_TOP
from tcp_pressure_exporter.settings.flags import PROGRAM, OneLineParser, add_flag, checked
from tcp_pressure_exporter.settings.options import refuse
from tcp_pressure_exporter.settings.values import parse_integer, parse_interval, parse_path

DEFAULT_INTERVAL = 2.0  # seconds: a person wants to see it move
DESCRIPTION = """\
Tells which TCP resource of this host is closest to its limit, who causes it,
how long it lasts and what to do. Changes nothing; needs no root."""
EPILOG = "exit codes: 0 calm, 1 warning, 2 critical or bad flag, 3 no verdict"


@dataclass(frozen=True, slots=True)
class ReportOptions:
    """What the command line says.

    watch: seconds between reports, None for one report. top: None unless given.
    """

    watch: float | None
    json: bool
    config_file: Path | None
    top: int | None
    procfs: Path


def parse_report_options(argv: Sequence[str]) -> ReportOptions:
    """Parse the arguments after `report`; as options.parse_options does."""
    namespace, rest = build_report_parser().parse_known_args(argv)
    if rest:
        refuse(rest[0])
    values = vars(namespace)
    return ReportOptions(
        watch=values["watch"],
        json=values["json"],
        config_file=values["config.file"],
        top=values["pool.top"],
        procfs=values["path.procfs"],
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
    top = partial(parse_integer, low=0, high=MAX_TOP)
    flag("--config.file", "FILE", parse_path, None, "the exporter's file: groups, pools.top")
    flag("--pool.top", "N", top, None, "pools of each direction, and accept queues, looked at (10)")
    flag("--path.procfs", "DIR", parse_path, "/proc", "where procfs is mounted")
    group.add_argument("-h", "--help", action="help", help="print this and exit")
    return parser
