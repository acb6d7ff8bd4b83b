"""The command line: python -m benchmarks."""

import argparse
import sys
import time
from collections.abc import Callable

from benchmarks.chart import ratio_chart
from benchmarks.failure import BenchmarkError
from benchmarks.history import figures_of, keep
from benchmarks.paths import PLOT, README, RESULTS
from benchmarks.report import with_results
from benchmarks.results import Results, load, save
from benchmarks.suite import FULL, QUICK, run_suite


def main() -> int:
    """Run the suite; return 1 when something is missing or went wrong."""
    flags = parse_flags()
    try:
        if flags.render:
            write_report(load(RESULTS))
            return 0
        results = run_suite(QUICK if flags.quick else FULL, make_say(time.monotonic()))
        if flags.write:
            save(results, RESULTS)
            write_report(results)
            keep(results.machine.date, figures_of(results))
    except (BenchmarkError, OSError) as error:
        sys.stderr.write(f"benchmarks: {error}\n")
        return 1
    return 0


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--quick", action="store_true", help="10,000 sockets only, under 60 s")
    mode.add_argument("--write", action="store_true", help="keep the results in benchmarks/")
    mode.add_argument("--render", action="store_true", help="only draw results.json again")
    return parser.parse_args()


def write_report(results: Results) -> None:
    """Write the README's results and the plot."""
    README.write_text(with_results(README.read_text(), results))
    PLOT.write_text(ratio_chart(results))


def make_say(start: float) -> Callable[[str], None]:
    """Return a function that prints a line with the seconds since the start."""

    def say(text: str) -> None:
        sys.stdout.write(f"[{time.monotonic() - start:4.0f} s] {text}\n")
        sys.stdout.flush()

    return say


if __name__ == "__main__":
    sys.exit(main())
