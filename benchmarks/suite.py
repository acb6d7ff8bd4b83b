"""The whole run: each population in a namespace of its own, then the idle host."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contenders import all_contenders
from benchmarks.daemon import measure_daemon, measure_idle
from benchmarks.machine import describe_machine
from benchmarks.parsers import parsers
from benchmarks.paths import HERE
from benchmarks.peers import Peers, provide_peers
from benchmarks.population import Population, populated
from benchmarks.programs import compile_c
from benchmarks.results import Case, DaemonRow, Idle, Results
from benchmarks.rounds import measure_rounds
from benchmarks.shape import LIGHT, SHAPES, SMALL, Shape
from benchmarks.summary import summarise
from benchmarks.tables import case_section, daemon_table, idle_sentence
from tests.support.labs.network_namespace import network_namespace

Say = Callable[[str], None]
DAEMON_SECONDS = 20.0  # what start and scrapes take at most, with some margin


@dataclass(frozen=True, slots=True)
class Plan:
    """How much to measure: rounds per shape, scrapes per daemon, seconds of idling."""

    rounds: dict[Shape, int]
    scrapes: int
    idle_seconds: float


QUICK = Plan({SMALL: 9}, scrapes=100, idle_seconds=15)
FULL = Plan(
    dict.fromkeys(SHAPES, 9),
    scrapes=300,
    idle_seconds=60,
)


@dataclass(frozen=True, slots=True)
class Programs:
    """What was compiled and fetched for the run."""

    floor: Path
    make_sockets: Path
    peers: Peers


def run_suite(plan: Plan, say: Say) -> Results:
    """Measure everything in the plan; may raise BenchmarkError. Needs root for the namespaces."""
    with tempfile.TemporaryDirectory() as folder:
        say("compiling, and fetching the peers that are missing")
        programs = Programs(
            compile_c(HERE / "floor.c", Path(folder)),
            compile_c(HERE / "make_sockets.c", Path(folder)),
            provide_peers(),
        )
        idle = _idle(plan, say)
        cases = [_case(shape, rounds, plan, programs, say) for shape, rounds in plan.rounds.items()]
    return Results(describe_machine(programs.peers.versions), idle, cases)


def _idle(plan: Plan, say: Say) -> Idle:
    say(f"the daemon on an idle host, {plan.idle_seconds:.0f} s")
    with network_namespace():
        idle = measure_idle(next(iter(parsers())), plan.idle_seconds)
    say(idle_sentence(idle))
    return idle


def _case(shape: Shape, rounds: int, plan: Plan, programs: Programs, say: Say) -> Case:
    say(shape.name)
    with network_namespace(), populated(shape, programs.make_sockets, say) as population:
        with all_contenders(programs.floor, programs.peers) as contenders:
            measured = measure_rounds(contenders, population, rounds, say)
        rows = [summarise(name, list_) for name, list_ in measured.items()]
        daemon = [_daemon(parser, population, plan, say) for parser in parsers()]
    case = Case(shape.name, shape.sockets, shape == LIGHT, rows, daemon)
    say(f"done\n\n{case_section(case)}\n\n{daemon_table([case])}\n")
    return case


def _daemon(parser: str, population: Population, plan: Plan, say: Say) -> DaemonRow:
    population.stay(DAEMON_SECONDS)
    say(f"the daemon with its {parser} parser, {plan.scrapes} scrapes")
    return measure_daemon(parser, plan.scrapes)
