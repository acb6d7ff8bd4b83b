"""--watch: report after report, until Ctrl-C."""

import json
import signal
import subprocess

import pytest

from tests.daemon.report.process import REPORT
from tests.daemon.report.pseudo_terminal import run_on_terminal


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


@pytest.mark.usefixtures("netns")
def test_watch_on_a_terminal() -> None:
    """On a terminal the report renews itself in place, and the cursor is there again at the end."""
    code, output = run_on_terminal(
        (*REPORT, "--watch=100ms"), columns=80, TERM="xterm-256color", interrupt_after="\x1b[1A"
    )
    assert code == 0
    assert "Traceback" not in output
    assert output.count("\x1b[?25l") == output.count("\x1b[?25h") == 1  # DECTCEM: hide, show
