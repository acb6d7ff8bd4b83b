"""The command line of a benchmark that fills one section of the README."""

import argparse
import sys
from collections.abc import Callable
from typing import TypeVar

from benchmarks.failure import BenchmarkError
from benchmarks.history import keep
from benchmarks.machine import describe_machine
from benchmarks.marks import with_part
from benchmarks.paths import README

Measured = TypeVar("Measured")


def run_section(
    program: tuple[str, str | None],
    begin: str,
    measure: Callable[[], Measured],
    shown: tuple[Callable[[Measured], str], Callable[[Measured], dict[str, float]]],
) -> int:
    """Measure and print; --write puts it into the README and the history. Return 1 if that failed.

    program: the module's name and docstring. begin: the section's first mark. shown: what makes
    the section, and the figures followed over time, of what was measured.
    """
    parser = argparse.ArgumentParser(f"python -m {program[0]}", description=program[1])
    parser.add_argument("--write", action="store_true", help="replace it in benchmarks/README.md")
    flags = parser.parse_args()
    section_of, figures_of = shown
    try:
        measured = measure()
        section = section_of(measured)
        sys.stdout.write(section + "\n")
        if flags.write:
            README.write_text(with_part(README.read_text(), begin, section, "the README"))
            keep(describe_machine({}).date, figures_of(measured))
    except (BenchmarkError, OSError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 1
    return 0
