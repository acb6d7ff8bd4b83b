"""--watch: report after report, until Ctrl-C."""

import json
import signal
import subprocess

import pytest

from tests.daemon.report.process import LOCAL, POOL, REMOTE, REPORT
from tests.daemon.report.pseudo_terminal import CTRL_C, run_on_terminal
from tests.support.labs.lab import Lab, time_wait_here


@pytest.mark.usefixtures("netns")
@pytest.mark.parametrize("flags", [["--json"], []])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_watch_ends(flags: list[str], number: signal.Signals) -> None:
    """--watch goes on until Ctrl-C or SIGTERM, and ends with the verdict of the last look."""
    with subprocess.Popen(
        [*REPORT, "--watch=100ms", *flags],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        seen = 0
        for line in process.stdout:
            seen += "verdict" in line or line.startswith("CALM")
            if seen == 3:
                process.send_signal(number)
                break
        process.stdout.read()
        assert process.stderr.read() == ""
    assert process.returncode == 0


@pytest.mark.usefixtures("netns")
def test_watch_is_json_lines() -> None:
    """--watch --json writes one document a line."""
    with subprocess.Popen(
        [*REPORT, "--json", "--watch=100ms"], stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        documents = [json.loads(process.stdout.readline()) for _ in range(2)]
        process.send_signal(signal.SIGINT)
        process.stdout.read()
    assert [document["verdict"] for document in documents] == ["calm", "calm"]


ENTER, DOWN, ESCAPE = b"\r", b"\x1b[B", b"\x1b"
OTHER_SCREEN, BACK = "\x1b[?1049h", "\x1b[?1049l"  # xterm's ctlseqs, private mode 1049


@pytest.mark.parametrize("end", [b"q", CTRL_C])
def test_watch_on_a_terminal(small_range: Lab, end: bytes) -> None:
    """Both q and Ctrl-C end it with the verdict's code; the last look stays, and the cursor."""
    for _ in range(75):
        small_range.connect(REMOTE, LOCAL)
    code, output = run_on_terminal(
        (*REPORT, "--watch=100ms"), columns=80, TERM="xterm-256color", typed=[("q quit", end)]
    )
    assert code == 1
    assert "Traceback" not in output
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1  # DECTCEM: hide, show
    assert output.count(OTHER_SCREEN) == output.count(BACK) == 1
    last = output.partition(BACK)[2]
    assert "What to do" in last
    assert f"outbound {POOL}" in last


def test_one_pool_alone(small_range: Lab) -> None:
    """Keys choose a pool, show it alone with its closes, and go back."""
    for number in range(75):
        pair = small_range.connect(REMOTE, LOCAL)
        if number % 5 == 0:
            time_wait_here(pair)
    typed = [
        ("q quit", DOWN),
        ("> outbound", ENTER),
        ("60 live sockets, 15 in TIME_WAIT", ESCAPE),
        ("Closest to the limit, by urgency", b"s"),
        ("by fullest", b"q"),
    ]
    flags = ("--watch=10m",)  # no other look comes between
    _code, output = run_on_terminal((*REPORT, *flags), columns=80, TERM="xterm", typed=typed)
    assert "Traceback" not in output
    assert "Closes, by how many seconds ago" in output


@pytest.mark.usefixtures("netns")
def test_dumb_terminal() -> None:
    """A terminal that cannot be redrawn gets look after look, without escape sequences."""
    code, output = run_on_terminal(
        (*REPORT, "--watch=100ms"), columns=80, TERM="dumb", typed=[("CALM", b""), ("CALM", CTRL_C)]
    )
    assert code == 0
    assert "\x1b" not in output


def test_keys_without_a_terminal(small_range: Lab) -> None:
    """If no keys can be read, the terminal is redrawn all the same, until Ctrl-C."""
    small_range.connect(REMOTE, LOCAL)
    command = ("sh", "-c", f"exec {' '.join(REPORT)} --watch=100ms < /dev/null")
    typed = [("q quit", b""), ("\x1b[H", CTRL_C)]
    code, output = run_on_terminal(command, columns=80, TERM="xterm", typed=typed)
    assert code == 0
    assert BACK in output
