"""Starts other programs: the only place in the suite that does. All start in the project's root."""

import subprocess
from collections.abc import Sequence
from pathlib import Path

from benchmarks.failure import BenchmarkError
from benchmarks.paths import ROOT

SETUP_SECONDS = 180.0  # the slowest is a download

Command = Sequence[str | Path]


def run(command: Command, folder: Path = ROOT) -> str:
    """Run a program to its end and return what it printed; raises BenchmarkError."""
    try:
        done = subprocess.run(  # noqa: S603 - the suite's own commands, no shell
            command, cwd=folder, capture_output=True, text=True, timeout=SETUP_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BenchmarkError(f"{command[0]}: {error}") from error
    if done.returncode != 0:
        last = (done.stderr.strip() or "no message").splitlines()[-1]
        raise BenchmarkError(f"{command[0]} ended with code {done.returncode}: {last}")
    return done.stdout


def start_talking(command: Command) -> subprocess.Popen[str]:
    """Start a program that talks line by line."""
    return subprocess.Popen(  # noqa: S603 - the same
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )


def start_silent(command: Command) -> subprocess.Popen[bytes]:
    """Start a program whose output is not wanted."""
    return subprocess.Popen(  # noqa: S603 - the same
        command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def compile_c(source: Path, folder: Path) -> Path:
    """Compile one C file into the folder and return the program."""
    program = folder / source.stem
    flags = ("-O2", "-Wall", "-Wextra", "-std=gnu17", "-pthread")
    run(("cc", *flags, "-o", program, source))
    return program
