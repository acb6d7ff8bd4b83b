"""The command line: python -m benchmarks.forecast, as root."""

import argparse
import sys
import time
from collections.abc import Callable

from benchmarks.__main__ import make_say
from benchmarks.failure import BenchmarkError
from benchmarks.forecast.chart import forecast_chart
from benchmarks.forecast.load import Scenario
from benchmarks.forecast.paths import DOCUMENT, HARMLESS, PLOT, TRACES
from benchmarks.forecast.report import with_results
from benchmarks.forecast.run import run_all
from benchmarks.forecast.scenarios import harmless, scenarios
from benchmarks.forecast.trace import Experiment, load, save
from benchmarks.machine import describe_machine


def main() -> int:
    """Run the loads; return 1 when something is missing or went wrong."""
    flags = parse_flags()
    try:
        if flags.render:
            write_report(load(TRACES), load(HARMLESS))
            return 0
        say = make_say(time.monotonic())
        if flags.write:
            write(say)
        else:
            run_all(chosen_loads(flags.only), say)
    except (BenchmarkError, OSError) as error:
        sys.stderr.write(f"benchmarks.forecast: {error}\n")
        return 1
    return 0


def parse_flags() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser("python -m benchmarks.forecast", description=__doc__)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--only", metavar="WORD", help="run the loads whose name has this word")
    mode.add_argument("--write", action="store_true", help="keep the traces, renew the document")
    mode.add_argument("--render", action="store_true", help="only judge the kept traces again")
    return parser.parse_args()


def chosen_loads(word: str | None) -> list[Scenario]:
    """Return the loads whose name has the word; raises BenchmarkError if there are none."""
    loads = [load for load in (*scenarios(), *harmless()) if word is None or word in load.name]
    if not loads:
        raise BenchmarkError(f"--only: no load is called {word}")
    return loads


def write(say: Callable[[str], None]) -> None:
    """Run all loads, keep the traces, and write the report."""
    machine = describe_machine({})
    experiment = Experiment(machine, run_all(scenarios(), say))
    fits = Experiment(machine, run_all(harmless(), say))
    save(experiment, TRACES)
    save(fits, HARMLESS)
    write_report(experiment, fits)


def write_report(experiment: Experiment, fits: Experiment) -> None:
    """Write the document's results and the plot; `fits` is of the harmless loads."""
    DOCUMENT.write_text(with_results(DOCUMENT.read_text(), experiment, fits))
    PLOT.write_text(forecast_chart(experiment.traces))


if __name__ == "__main__":
    sys.exit(main())
