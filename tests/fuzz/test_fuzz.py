"""A short run of the fuzzer; `make fuzz` runs it for five minutes."""

import subprocess

import pytest

pytestmark = pytest.mark.time_limit(300)


def test_short_run() -> None:
    """A minute of damaged dumps finds no crash, leak or undefined behaviour."""
    run = subprocess.run(
        ["nice", "tests/fuzz/run", "60"],  # others have priority on the machine
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert "stat::number_of_executed_units" in run.stderr
