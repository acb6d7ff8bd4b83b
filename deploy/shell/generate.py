"""Completions for bash, zsh and fish, and the man page, from the parsers of the two commands.

The parsers hide what would not fit `--help` on one screen; here every flag is shown.
"""

from argparse import SUPPRESS, Action, ArgumentParser
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType

import shtab
from argparse_manpage.manpage import Manpage

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.settings.flags import PROGRAM, build_parser
from tcp_pressure_exporter.settings.options import build_report_parser
from tcp_pressure_exporter.settings.values import FORMATS, LEVELS

FOLDER = Path(__file__).parent
COMPLETIONS: Mapping[str, str] = MappingProxyType(
    {
        "bash": f"{PROGRAM}.bash",
        "zsh": f"_{PROGRAM}",
        "fish": f"{PROGRAM}.fish",
    }
)
REPORT = f"{PROGRAM}-report"
HIDDEN: Mapping[str, str] = MappingProxyType(
    {
        "--config.check": "check all files that are given and exit: 0 or 2",
        "--once.file": "print one sample into a file for node_exporter and exit",
        "--netns.exclude": "of the others none with these labels",
        "--no-collector.netns": "only the own namespace",
        "--version": "print the version and exit",
    }
)
CHOICES = MappingProxyType({"--log.level": LEVELS, "--log.format": FORMATS})
FILES = MappingProxyType({"FILE": shtab.FILE, "DIR": shtab.DIRECTORY})
SECTIONS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        PROGRAM: {
            "signals": "SIGHUP makes it read the configuration file again.\n"
            "SIGTERM and SIGINT end it after the answers under way.",
            "exit status": "0 after a signal, or after a whole sample.\n"
            "1 where a part of the one sample failed.\n"
            "2 for a bad flag, file or certificate; nothing was started then.",
            "files": "/etc/default/tcp\\-pressure\\-exporter: the flags of the systemd unit.",
            "see also": f".BR {REPORT} (1),\n.BR ss (8),\n.BR tcp (7)",
        },
        REPORT: {
            "exit status": "0 calm, 1 warning, 2 critical or bad flag, 3 no verdict.",
            "see also": f".BR {PROGRAM} (1),\n.BR ss (8)",
        },
    }
)
DATE = "2026"  # man(1) wants one; with a day, each build would differ


def files() -> dict[str, str]:
    """Return the texts by file name."""
    texts = {name: shtab.complete(_whole(), shell) for shell, name in COMPLETIONS.items()}
    return texts | {
        f"{PROGRAM}.1": _man_page(
            _exporter(),
            PROGRAM,
            "tell Prometheus how close TCP port pools are to running out",
            f".B {PROGRAM}\n[flags]\n.br\n.B {PROGRAM} report\n[flags]",
        ),
        f"{REPORT}.1": _man_page(
            _report(),
            REPORT,
            "tell which TCP resource is closest to its limit, and what to do",
            f".B {PROGRAM} report\n[flags]",
        ),
    }


def _whole() -> ArgumentParser:
    """Return one parser of the exporter's flags, with `report` as its subcommand."""
    parser = _exporter()
    commands = parser.add_subparsers(metavar="report", title="commands")
    help_ = "what is wrong now, for people"
    commands.add_parser("report", help=help_, add_help=False, parents=[_report()])
    return parser


def _exporter() -> ArgumentParser:
    parser = build_parser({name: entry.description for name, entry in COLLECTORS.items()})
    for action in _told(parser):
        if action.help == SUPPRESS:
            flag = action.option_strings[-1]
            action.help = HIDDEN.get(flag) or COLLECTORS[action.dest.split(".")[1]].description
    return parser


def _report() -> ArgumentParser:
    parser = build_report_parser()
    parser.epilog = None  # the exit codes, which have their own section
    _told(parser)
    return parser


def _told(parser: ArgumentParser) -> Iterable[Action]:
    """Attach to the flags what a shell can offer for their values."""
    actions = parser._actions  # noqa: SLF001  # argparse has no public list
    for action in actions:
        flag = next(iter(action.option_strings), "")
        if flag in CHOICES:
            action.choices = CHOICES[flag]
        if isinstance(action.metavar, str) and action.metavar in FILES:
            action.complete = FILES[action.metavar]  # type: ignore[attr-defined]  # shtab's own
    return actions


def _man_page(parser: ArgumentParser, name: str, summary: str, synopsis: str) -> str:
    """Return a command's page; what the flags do not say is in SECTIONS."""
    parser._manpage = [  # type: ignore[attr-defined]  # noqa: SLF001  # argparse-manpage's own
        {"heading": "synopsis", "content": synopsis},
        *({"heading": heading, "content": text} for heading, text in SECTIONS[name].items()),
    ]
    page = Manpage(parser)
    page.prog, page.source, page.description = name, PROGRAM, summary
    page.date, page.manual = DATE, "User Commands"
    return str(page)
