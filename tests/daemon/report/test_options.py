"""The flags of the report."""

import re
from pathlib import Path

import pytest

from tcp_pressure_exporter.pools.remedies import MoreAddresses, TimeWaitTakeOver
from tcp_pressure_exporter.settings.options import (
    ReportOptions,
    build_report_parser,
    parse_report_options,
)
from tcp_pressure_exporter.settings.values import ExporterUrl
from tests.support.places import DOCS

DOCUMENT = DOCS / "report.md"
REUSE = '--what-if: tw_reuse must be 1: no other value frees ports (got "tw_reuse=2")'
DEFAULTS = ReportOptions(watch=None, json=False, config_file=None, top=None, procfs=Path("/proc"))


def test_defaults() -> None:
    """Without flags there is one report, as text."""
    assert parse_report_options([]) == DEFAULTS


def test_all_flags() -> None:
    """Each flag reaches its option."""
    argv = ["--watch=500ms", "--json", "--config.file", "/x.yml", "--pool.top=0"]
    remedies = ["--what-if=tw_reuse=1", "--what-if", "addresses=+2"]
    assert parse_report_options([*argv, *remedies, "--path.procfs=/host/proc"]) == ReportOptions(
        watch=0.5,
        json=True,
        config_file=Path("/x.yml"),
        top=0,
        procfs=Path("/host/proc"),
        remedies=(TimeWaitTakeOver(), MoreAddresses(2)),
    )


def test_whom_to_ask() -> None:
    """The exporter on this host is asked unless another one is named, or "none"."""
    assert not DEFAULTS.exporter_named
    assert DEFAULTS.exporter == ExporterUrl(
        "http://127.0.0.1:10190", secure=False, host="127.0.0.1", port=10190, path=""
    )
    options = parse_report_options(["--from=none"])
    assert (options.exporter, options.exporter_named) == (None, True)
    options = parse_report_options(["--from=https://edge-1/tcp"])
    assert options.exporter == ExporterUrl("https://edge-1/tcp", True, "edge-1", 443, "/tcp")  # noqa: FBT003
    assert options.exporter_named


@pytest.mark.parametrize(
    ("argv", "watch"),
    [
        (["--watch"], 2.0),
        (["--watch", "--json"], 2.0),
        (["--watch", "1m30s"], 90.0),
        (["--watch=100ms"], 0.1),
        (["--watch", "5"], 5.0),
        (["--watch=0.5"], 0.5),
    ],
)
def test_watch(argv: list[str], watch: float) -> None:
    """--watch takes a time, in seconds if it is a bare number; the default is 2 s."""
    assert parse_report_options(argv).watch == watch


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--watch=0"], '--watch: must be above 0 (got "0")'),
        (["--watch=601"], '--watch: must be from 100ms to 10m (got "601")'),
        (["--nagios", "--json"], "--nagios: cannot be combined with --json"),
        (["--nagios", "--watch"], "--nagios: cannot be combined with --watch"),
        (["--nagios", "--port=1"], "--nagios: cannot be combined with --port"),
        (
            ["--what-if=addresses=0"],
            '--what-if: addresses must be from +1 to +1000 (got "addresses=0")',
        ),
        (["--watch=1ms"], '--watch: must be from 100ms to 10m (got "1ms")'),
        (
            ["--watch", "nonsense"],
            '--watch: must be a duration such as 500ms, 5s or 1m30s (got "nonsense")',
        ),
        (["--json=1"], "--json: takes no value"),
        (["--pool.top=101"], '--pool.top: must be an integer from 0 to 100 (got "101")'),
        (["--config.file="], '--config.file: must not be empty (got "")'),
        (["--once"], "--once: unknown flag (see report --help)"),
        (["--wach"], "--wach: unknown flag, did you mean --watch? (see report --help)"),
        (["now"], "now: unexpected argument (see report --help)"),
    ],
)
def test_bad_arguments(argv: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A bad argument is one line on stderr, nothing on stdout, and exit code 2."""
    with pytest.raises(SystemExit) as caught:
        parse_report_options(argv)
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", f"tcp-pressure-exporter: error: {line}\n")


def test_help(capsys: pytest.CaptureFixture[str]) -> None:
    """The help fits on a screen of 24 lines with the prompt, and gives the exit codes."""
    with pytest.raises(SystemExit) as caught:
        parse_report_options(["--help"])
    assert caught.value.code == 0
    text = capsys.readouterr().out
    lines = text.splitlines()
    assert len(lines) <= 22
    assert max(map(len, lines)) <= 80
    assert lines[0] == "usage: tcp-pressure-exporter report [flags]"
    assert "3 no verdict" in text


def test_document_has_every_flag() -> None:
    """The table in docs/report.md has exactly the parser's flags."""
    documented = set(re.findall(r"^\| `(--[\w.-]+)", DOCUMENT.read_text(), re.MULTILINE))
    flags = set(build_report_parser()._option_string_actions)  # noqa: SLF001  # no public list
    assert documented == {flag for flag in flags if flag.startswith("--")}
