"""Completions and man pages: made from the flags, and current."""

import re
import subprocess

import pytest

from deploy.shell.generate import FOLDER, files
from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.settings.flags import build_parser

TEXTS = files()
BASH = FOLDER / "tcp-pressure-exporter.bash"
COMPLETE = """
. "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
"$(complete -p tcp-pressure-exporter | sed 's/.*-F \\([^ ]*\\).*/\\1/')" "$1"
printf '%s\\n' "${COMPREPLY[@]}"
"""


def flags() -> set[str]:
    return set(build_parser(dict.fromkeys(COLLECTORS, "")).__dict__["_option_string_actions"])


def offered(*words: str) -> set[str]:
    """Return what bash offers for the last word after the command."""
    command = ["bash", "-c", COMPLETE, "bash", str(BASH), "tcp-pressure-exporter", *words]
    run = subprocess.run(command, capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize("name", TEXTS)
def test_current(name: str) -> None:
    """Each file is what `make manifests` writes."""
    assert (FOLDER / name).read_text() == TEXTS[name]


def test_nothing_else_is_there() -> None:
    """No generated file is left over."""
    assert {path.name for path in FOLDER.iterdir() if path.suffix != ".py"} - {"__pycache__"} == (
        set(TEXTS)
    )


def test_bash_offers_every_flag() -> None:
    """After two dashes bash offers all flags of the exporter, including those --help hides."""
    assert offered("--") == {flag for flag in flags() if flag.startswith("--")}
    assert offered("--no-collector.pool_") == {"--no-collector.pool_owners"}


def test_bash_offers_what_a_flag_takes() -> None:
    """After a flag with choices bash offers these, after `report` its own flags."""
    assert offered("--log.level", "") == {"debug", "info", "warn", "error"}
    assert {"--watch", "--json"} <= offered("report", "--")
    assert "--web.listen-address" not in offered("report", "--")


def test_the_man_page_has_every_flag() -> None:
    """Each flag except the help's has its paragraph in the man page."""
    page = TEXTS["tcp-pressure-exporter.1"].replace("\\-", "-")
    assert set(re.findall(r"\\fB(-[\w.-]+)\\fR", page)) == flags() - {"-h", "--help"}
