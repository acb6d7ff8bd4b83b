"""Where the report goes: pipes, terminals, other locales, a full disk; and hostile names."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.daemon.report.process import LOCAL, REMOTE, REPORT, report
from tests.daemon.report.pseudo_terminal import run_on_terminal
from tests.support.labs.lab import Lab


@pytest.mark.parametrize(
    "environment",
    [
        {"LC_ALL": "C"},
        {"LC_ALL": "C", "TERM": "dumb"},
        {"PYTHONIOENCODING": "ascii"},
        {"PYTHONIOENCODING": "latin-1"},
    ],
)
def test_other_locales(small_range: Lab, environment: dict[str, str]) -> None:
    """If the locale or the encoding is not UTF-8, the output is ASCII."""
    small_range.connect(REMOTE, LOCAL)
    done = report(**environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.isascii()
    assert f"{LOCAL} ->" in done.stdout


@pytest.mark.usefixtures("netns")
def test_plain_in_a_pipe() -> None:
    """In a pipe there is no escape sequence, and no blank at the end of a line."""
    lines = report(TERM="xterm-256color").stdout.splitlines()
    assert not [line for line in lines if "\x1b" in line or line != line.rstrip()]


@pytest.mark.usefixtures("netns")
def test_colours_on_a_terminal() -> None:
    """On a terminal the verdict is coloured, at the width of the terminal."""
    code, output = run_on_terminal(REPORT, columns=100, TERM="xterm-256color", NO_COLOR="")
    assert code == 0
    assert "\x1b[1;32mCALM" in output  # bold green: ECMA-48, SGR 1 and 32
    assert max(map(len, output.splitlines())) > 80


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize(
    "environment", [{"NO_COLOR": "1", "TERM": "xterm-256color"}, {"TERM": "dumb", "NO_COLOR": ""}]
)
def test_no_colours_on_a_terminal(environment: dict[str, str]) -> None:
    """With NO_COLOR, or on a dumb terminal, there is no escape sequence."""
    code, output = run_on_terminal(REPORT, columns=80, typed=(), **environment)
    assert code == 0
    assert "CALM" in output
    assert "\x1b" not in output


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("flags", [["--json"], [], ["--watch=100ms"]])
def test_closed_pipe(flags: list[str]) -> None:
    """If nobody is reading any more, the report ends quietly with its verdict."""
    with subprocess.Popen(
        [*REPORT, *flags], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.usefixtures("netns")
def test_full_disk() -> None:
    """If stdout takes nothing, there is one line about it, and no verdict."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(REPORT, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 3
    (line,) = done.stderr.splitlines()
    assert line == "tcp-pressure-exporter: error: standard output: No space left on device"


# Renames itself, leaves connections in CLOSE_WAIT, and waits for the end of its input.
LEAK = """
import socket, sys
open("/proc/self/comm", "wb").write(b"[red]\\x1b[31mx\\xff")
server = socket.create_server(("127.0.0.1", 0))
clients = [socket.create_connection(server.getsockname()) for _ in range(3)]
for _ in clients:
    server.accept()[0].close()
print(flush=True)
sys.stdin.read()
"""


@pytest.mark.usefixtures("netns")
def test_hostile_process_name() -> None:
    """A name that is markup, an escape sequence or not UTF-8 is printed as plain text."""
    with subprocess.Popen(
        [sys.executable, "-c", LEAK], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as leak:
        assert leak.stdin is not None
        assert leak.stdout is not None
        leak.stdout.readline()
        with subprocess.Popen(
            [*REPORT, "--watch=500ms"], stdout=subprocess.PIPE, text=True
        ) as watch:
            assert watch.stdout is not None
            line = next(one for one in watch.stdout if one.startswith("owners: "))
            watch.send_signal(signal.SIGINT)
            watch.stdout.read()
        leak.stdin.close()
    assert line.rstrip() == "owners: [red]\\x1b[31mx\N{REPLACEMENT CHARACTER} 3"
