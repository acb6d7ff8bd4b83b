"""Runs loads side by side, each in its own process."""

from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context

from benchmarks.failure import BenchmarkError
from benchmarks.forecast.driver import run_scenario
from benchmarks.forecast.load import Scenario
from benchmarks.forecast.trace import Trace
from tcp_pressure_exporter.facts.outcome import SourceError


def run_all(loads: Sequence[Scenario], say: Callable[[str], None]) -> list[Trace]:
    """Return the traces in the loads' order; may raise BenchmarkError and OSError."""
    longest = max(load.seconds for load in loads)
    say(f"{len(loads)} loads side by side, {longest:.0f} s at most")
    with ProcessPoolExecutor(len(loads), get_context("fork")) as processes:
        running = [processes.submit(run_scenario, load) for load in loads]
        try:
            for finished in as_completed(running):
                say(_outcome(finished.result()))
        except SourceError as error:
            raise BenchmarkError(str(error)) from error
        return [finished.result() for finished in running]


def _outcome(trace: Trace) -> str:
    if trace.full_at is None:
        used = max(poll.ports for poll in trace.polls)
        return f"{trace.name}: never full, at most {used:,} of {trace.limit:,} ports"
    return f"{trace.name}: full after {trace.full_at:.1f} s"
