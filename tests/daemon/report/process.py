"""The report as a process, and what it says about the pool that the tests fill."""

import json
import os
import subprocess
from collections.abc import Mapping
from typing import Any

from tests.support.labs.exporter_process import COMMAND
from tests.support.labs.lab import SERVER_PORT

REMOTE = "10.99.0.9"
LOCAL = "10.99.0.2"
POOL = f"{LOCAL} → {REMOTE}:{SERVER_PORT}"
REPORT = (str(COMMAND), "report")


def report(*flags: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run the report to its end."""
    return subprocess.run(
        [*REPORT, *flags],
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
        env=os.environ | environment,
    )


def look(*flags: str) -> tuple[int, dict[str, Any]]:
    """Return the exit code and the document of one report."""
    done = report("--json", *flags)
    assert done.stderr == ""
    return done.returncode, json.loads(done.stdout)


def the_pool(document: Mapping[str, Any]) -> dict[str, Any]:
    """Return the outbound pool of the test."""
    (pool,) = [
        pressure
        for pressure in document["pressures"]
        if (pressure["kind"], pressure["name"]) == ("outbound", POOL)
    ]
    return dict(pool)


def ss(*arguments: str) -> int:
    """Count the sockets that ss shows."""
    done = subprocess.run(["ss", "-Htan", *arguments], capture_output=True, text=True, check=True)
    return len(done.stdout.splitlines())
