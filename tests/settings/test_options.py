import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from tcp_pressure_exporter.sample.namespaces import NamespaceChoice
from tcp_pressure_exporter.settings.flags import build_parser, usage_error
from tcp_pressure_exporter.settings.options import Options, parse_options
from tests.support.labs.own_process import buffered
from tests.support.places import DOCS

DOCUMENT = DOCS / "configuration.md"
COLLECTORS = {
    "sockets": "sockets by family and state",
    "local_ports": "the local port range and its use",
    "pools": "port pools: use, limit, forecast",
    "limits": "other limits of the kernel",
}
DEFAULTS = Options(
    listen_addresses=(":10190",),
    allowed_hosts=(),
    telemetry_path="/metrics",
    web_config_file=None,
    systemd_socket=False,
    max_requests=40,
    interval=5.0,
    max_cpu=0.05,
    source="auto",
    netns="host",
    others=None,
    pool_top=None,
    collectors=frozenset(COLLECTORS),
    config_file=None,
    once=False,
    once_file=None,
    procfs=Path("/proc"),
    log_level="info",
    log_format="auto",
)


def parse(*argv: str) -> Options:
    return parse_options(argv, COLLECTORS)


def test_defaults() -> None:
    """Without arguments each option has its documented default."""
    assert parse() == DEFAULTS


def test_environment_is_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """The width of the help does not follow the environment."""
    before = build_parser(COLLECTORS).format_help()
    monkeypatch.setenv("COLUMNS", "40")
    assert build_parser(COLLECTORS).format_help() == before


def test_all_flags() -> None:
    """Each flag reaches its option."""
    options = parse(
        "--web.listen-address=127.0.0.1:9000",
        "--web.listen-address",
        "[::1]:9000",
        "--web.allowed-host=a.example",
        "--web.allowed-host=[::1]",
        "--web.telemetry-path=/m",
        "--web.config.file=/etc/w.yml",
        "--web.max-requests=0",
        "--sample.interval=1m30s",
        "--sample.max-cpu=.5",
        "--sample.source=bpf",
        "--pool.top=0",
        "--netns.name=blue-1.a_b",
        "--collector.netns",
        "--netns.include=web.*",
        "--netns.exclude=web-test",
        "--netns.max=5",
        "--path.procfs=/host/proc",
        "--once",
        "--once.file=/run/x.prom",
        "--no-collector.local_ports",
        "--config.file=/etc/x.yml",
        "--log.level=error",
        "--log.format=json",
    )
    assert options == Options(
        listen_addresses=("127.0.0.1:9000", "[::1]:9000"),
        allowed_hosts=("a.example", "[::1]"),
        telemetry_path="/m",
        web_config_file=Path("/etc/w.yml"),
        systemd_socket=False,
        max_requests=0,
        interval=90.0,
        max_cpu=0.5,
        source="bpf",
        netns="blue-1.a_b",
        others=NamespaceChoice(re.compile("web.*"), re.compile("web-test"), 5),
        pool_top=0,
        collectors=frozenset({"sockets", "pools", "limits"}),
        config_file=Path("/etc/x.yml"),
        once=True,
        once_file=Path("/run/x.prom"),
        procfs=Path("/host/proc"),
        log_level="error",
        log_format="json",
    )
    assert parse("--web.systemd-socket").systemd_socket
    assert parse("--config.check").check


@pytest.mark.parametrize(
    ("flag", "value", "name", "parsed"),
    [
        ("--sample.interval", "100ms", "interval", 0.1),
        ("--sample.interval", "10m", "interval", 600.0),
        ("--sample.max-cpu", "1", "max_cpu", 1.0),
        ("--sample.max-cpu", "0.001", "max_cpu", 0.001),
        ("--web.max-requests", "10000", "max_requests", 10000),
        ("--pool.top", "100", "pool_top", 100),
        ("--netns.name", "a" * 63, "netns", "a" * 63),
    ],
)
def test_bounds_are_included(flag: str, value: str, name: str, parsed: float | str) -> None:
    """Both ends of each range are valid, after a space as after an equals sign."""
    assert getattr(parse(flag, value), name) == parsed
    assert getattr(parse(f"{flag}={value}"), name) == parsed


def test_last_collector_flag_counts() -> None:
    """A collector can be turned on again after it was turned off."""
    options = parse("--no-collector.pools", "--no-collector.limits", "--collector.pools")
    assert options.collectors == {"sockets", "local_ports", "pools"}


def test_other_namespaces() -> None:
    """They are off unless asked for, whatever other flags say; 20 of them are sampled."""
    assert parse("--netns.include=x", "--netns.max=1").others is None
    assert parse("--collector.netns").others == NamespaceChoice(None, None, 20)
    assert parse("--collector.netns", "--no-collector.netns").others is None
    assert parse("--no-collector.netns", "--collector.netns", "--netns.max=100").others == (
        NamespaceChoice(None, None, 100)
    )


def test_last_value_counts() -> None:
    """If a flag is repeated, the last one counts."""
    assert parse("--netns.name=a", "--netns.name=b").netns == "b"


PATTERN = "must be a regular expression: nothing to repeat at position 0"
LABEL = 'must be 1 to 63 letters, digits, ".", "_" or "-"'


@pytest.mark.parametrize(
    ("argv", "line"),
    [
        (["--sample.interval=-1s"], '--sample.interval: must be above 0 (got "-1s")'),
        (["--sample.interval=0s"], '--sample.interval: must be above 0 (got "0s")'),
        (["--sample.interval=99ms"], '--sample.interval: must be from 100ms to 10m (got "99ms")'),
        (["--sample.interval=601s"], '--sample.interval: must be from 100ms to 10m (got "601s")'),
        (
            ["--sample.interval=5"],
            '--sample.interval: must be a duration such as 500ms, 5s or 1m30s (got "5")',
        ),
        (["--sample.interval", "-1s"], "--sample.interval: expected one argument"),
        (
            ["--sample.max-cpu=0"],
            '--sample.max-cpu: must be a number above 0 and at most 1 (got "0")',
        ),
        (
            ["--sample.max-cpu=1.01"],
            '--sample.max-cpu: must be a number above 0 and at most 1 (got "1.01")',
        ),
        (
            ["--sample.max-cpu=nan"],
            '--sample.max-cpu: must be a number above 0 and at most 1 (got "nan")',
        ),
        (
            ["--web.max-requests=-1"],
            '--web.max-requests: must be an integer from 0 to 10000 (got "-1")',
        ),
        (
            ["--web.max-requests=1_0"],
            '--web.max-requests: must be an integer from 0 to 10000 (got "1_0")',
        ),
        (
            ["--web.max-requests=10001"],
            '--web.max-requests: must be an integer from 0 to 10000 (got "10001")',
        ),
        (["--pool.top=101"], '--pool.top: must be an integer from 0 to 100 (got "101")'),
        (["--netns.name="], f'--netns.name: {LABEL} (got "")'),
        (["--netns.name", "a" * 64], f'--netns.name: {LABEL} (got "{"a" * 60}...")'),
        (["--netns.name=a\n\x1b[31m"], f'--netns.name: {LABEL} (got "a\\n\\x1b[31m")'),
        (["--netns.max=0"], '--netns.max: must be an integer from 1 to 100 (got "0")'),
        (["--netns.max=101"], '--netns.max: must be an integer from 1 to 100 (got "101")'),
        (["--netns.include=*"], f'--netns.include: {PATTERN} (got "*")'),
        (["--netns.exclude=*"], f'--netns.exclude: {PATTERN} (got "*")'),
        (["--config.file="], '--config.file: must not be empty (got "")'),
        (["--once.file="], '--once.file: must not be empty (got "")'),
        (["--path.procfs="], '--path.procfs: must not be empty (got "")'),
        (["--log.level=INFO"], '--log.level: must be one of debug, info, warn, error (got "INFO")'),
        (["--log.format=x"], '--log.format: must be one of auto, console, logfmt, json (got "x")'),
        (["--once=1"], "--once: takes no value"),
        (
            ["--web.telemetry=/m"],
            "--web.telemetry: unknown flag, did you mean --web.telemetry-path? (see --help)",
        ),
        (
            ["--colector.pool"],
            "--colector.pool: unknown flag, did you mean --collector.pools? (see --help)",
        ),
        (["--\n\x1b[31m=1"], r"--\n\x1b[31m: unknown flag (see --help)"),
        (["--once", "now"], "now: unexpected argument (see --help)"),
        (["now"], "now: unknown command (see --help)"),
        (["reprot", "--json"], "reprot: unknown command, did you mean report? (see --help)"),
        (["--json"], "--json: unknown flag, did you mean report --json? (see --help)"),
        (["--" + "x" * 5000], f"--{'x' * 58}: unknown flag (see --help)"),
        (
            [f"--no-collector.{name}" for name in COLLECTORS],
            "--no-collector: all collectors are off, so there is nothing to export",
        ),
        (
            ["--web.systemd-socket", "--web.listen-address=:1"],
            "--web.systemd-socket: cannot be combined with --web.listen-address",
        ),
    ],
)
def test_bad_arguments(argv: list[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Bad arguments are one line on stderr, nothing on stdout, and exit code 2."""
    with pytest.raises(SystemExit) as caught:
        parse_options(argv, COLLECTORS)
    assert caught.value.code == 2
    assert capsys.readouterr() == ("", f"tcp-pressure-exporter: error: {line}\n")


def test_usage_error_without_stderr() -> None:
    """The exit code is 2 even if stderr takes nothing."""
    code = "from tcp_pressure_exporter.settings.flags import usage_error; usage_error('x')"
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=buffered(), stderr=full, check=False)
    assert done.returncode == 2


def test_usage_error_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    """Control characters in a message are escaped."""
    with pytest.raises(SystemExit):
        usage_error("a\nb\x1b")
    assert capsys.readouterr().err == "tcp-pressure-exporter: error: a\\nb\\x1b\n"


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    """--version prints the versions of the package and of Python, with exit code 0."""
    with pytest.raises(SystemExit) as caught:
        parse("--version")
    assert caught.value.code == 0
    python = ".".join(map(str, sys.version_info[:3]))
    expected = f"tcp-pressure-exporter {version('tcp-pressure-exporter')} (Python {python}"
    assert capsys.readouterr().out.startswith(expected)


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_fits_a_screen(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """The help is at most 32 lines of 80 columns, each flag and collector on one line."""
    with pytest.raises(SystemExit) as caught:
        parse(flag)
    assert caught.value.code == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 32
    assert max(map(len, lines)) <= 80
    for name, text in COLLECTORS.items():
        assert [line for line in lines if re.fullmatch(rf" +{name} +{text}", line)]
    assert len([line for line in lines if line.startswith("  -")]) == 20


def flags() -> set[str]:
    """Name the flags of the parser, those of the collectors as NAME."""
    names = build_parser({"NAME": ""})._option_string_actions  # noqa: SLF001  # no public list
    return set(names)


def test_document_has_every_flag() -> None:
    """docs/configuration.md has exactly the parser's flags."""
    documented = set(re.findall(r"`(--?[a-z][\w.-]*)", DOCUMENT.read_text()))
    assert documented == flags()


def test_document_has_every_default() -> None:
    """docs/configuration.md gives the default that the parser has."""
    rows = re.findall(
        r"^\| `(--[\w.-]+) [A-Z]+` \| `?([^`|]*)`? \|", DOCUMENT.read_text(), re.MULTILINE
    )
    parser = build_parser({"NAME": ""})
    defaults = {
        name: str(action.default)
        for action in parser._actions  # noqa: SLF001  # no public list
        for name in action.option_strings
        if action.metavar
    }
    defaults["--web.allowed-host"] = "any"
    defaults["--web.listen-address"] = DEFAULTS.listen_addresses[0]
    assert {name: text.strip() for name, text in rows} == {
        name: "none" if text == "None" else text for name, text in defaults.items()
    }
