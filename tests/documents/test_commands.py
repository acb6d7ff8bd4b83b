"""What documents say to type: the shell understands it, and programs know their flags."""

import re
import subprocess
from pathlib import Path

import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.settings.flags import build_parser
from tcp_pressure_exporter.settings.options import build_report_parser
from tests.documents.test_links import FILES
from tests.support.places import ROOT

BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
SEPARATOR = re.compile(r"[\n|;&()]+")
FLAG = re.compile(r"^--[a-z][\w.-]*")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
MODULE = re.compile(r"python -m ([\w.]+)")
SHELL = {path: "\n".join(BLOCK.findall(path.read_text())) for path in FILES}
TYPED = {path: text for path, text in SHELL.items() if text}

every_document = pytest.mark.parametrize(
    "path", TYPED, ids=lambda path: str(path.relative_to(ROOT))
)


def known(*, report: bool) -> set[str]:
    """Return the flags of a parser."""
    parser = build_report_parser() if report else build_parser(dict.fromkeys(COLLECTORS, ""))
    return set(parser._option_string_actions)  # noqa: SLF001  # no public list


@every_document
def test_the_shell_reads_it(path: Path) -> None:
    """Each block is complete: quotes and pipes are closed."""
    for block in BLOCK.findall(path.read_text()):
        done = subprocess.run(
            ["sh", "-n"], input=block, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr + block


@every_document
def test_the_exporter_knows_the_flags(path: Path) -> None:
    """Flags after the program's name are its own, those after `report` the report's."""
    for command in SEPARATOR.split(TYPED[path].replace("\\\n", " ")):
        program, *arguments = command.partition("#")[0].split() or [""]
        if program.endswith("tcp-pressure-exporter"):
            flags = {flag for argument in arguments for flag in FLAG.findall(argument)}
            assert flags <= known(report=arguments[:1] == ["report"]), command


@every_document
def test_what_is_made_can_be_made(path: Path) -> None:
    """The make targets and the repository's modules exist."""
    for command in SEPARATOR.split(TYPED[path]):
        program, *words = command.partition("#")[0].split() or [""]
        if program == "make":
            targets = {word for word in words if re.fullmatch("[a-z-]+", word)}
            assert targets <= TARGETS, command
    for module in MODULE.findall(TYPED[path]):
        place = ROOT / module.replace(".", "/")
        known_elsewhere = module in ("venv", "zipfile")
        assert known_elsewhere or place.is_dir() or place.with_suffix(".py").is_file(), module
