"""A separate run of pytest, to test what the tests run on."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.support.places import ROOT


def run_pytest(folder: Path, files: Mapping[str, str], *flags: str) -> tuple[int, str]:
    """Run tests in files of a folder; return the exit code and the output.

    No setting or plugin comes from outside, except by the flags.
    """
    for name, text in files.items():
        (folder / name).write_text(text)
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", "-c", os.devnull, *flags, str(folder)],
        cwd=ROOT,
        env=os.environ | {"COLUMNS": "200", "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr
