"""What sampling other network namespaces costs: python -m benchmarks.namespaces [--write].

Needs root, and takes about two minutes. The same number of sockets, towards about as many
destinations, is spread over more and more network namespaces, all made for the run.
"""

import re
import sys
import tempfile
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path
from statistics import median

import structlog

from benchmarks.failure import BenchmarkError
from benchmarks.machine import describe_machine
from benchmarks.paths import HERE
from benchmarks.population import populated
from benchmarks.programs import compile_c
from benchmarks.section import run_section
from benchmarks.shape import Shape
from benchmarks.tables import machine_sentence, table
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, wanted_parts
from tcp_pressure_exporter.facts.bound import BoundRules
from tcp_pressure_exporter.facts.ports import ports_of
from tcp_pressure_exporter.facts.tally import BPF, NETLINK
from tcp_pressure_exporter.pools.local_ports import TallyRequest, tally_rules
from tcp_pressure_exporter.sample.namespaces import NamespaceChoice
from tcp_pressure_exporter.sampling.host import Wishes, open_host
from tcp_pressure_exporter.sampling.namespaces import NamespaceSamplers
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.bpf.walk.tables import open_tables
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.systems.linux import own_sources
from tcp_pressure_exporter.sources.systems.walks import elsewhere_of
from tests.support.labs.other_namespaces import inside, ip_netns, namespace_inode

PROCFS = Path("/proc")
SOCKETS = 100_000  # of all namespaces together
LIGHT = 1_000  # destinations with few sockets, of all namespaces together
NUMBERS = (1, 20, 50)  # of namespaces
ROUNDS = 11
BEGIN = "<!-- namespaces: written by benchmarks/namespaces.py, do not edit -->"

Take = Callable[[], object]
Costs = dict[int, dict[str, float]]  # ms of CPU, by number of namespaces and contender


def main() -> int:
    """Measure and print the table; --write keeps it. Return 1 if that failed."""
    program = ("benchmarks.namespaces", __doc__)
    return run_section(program, BEGIN, measure, (results_section, figures_of))


def measure() -> Costs:
    """Return the cost of a sample of all namespaces: the median of interleaved rounds."""
    with tempfile.TemporaryDirectory() as folder:
        program = compile_c(HERE / "make_sockets.c", Path(folder))
        costs: Costs = {}
        for number in NUMBERS:
            with spread(number, program) as names:
                costs[number] = measure_rounds(names)
        return costs


@contextmanager
def spread(number: int, program: Path) -> Iterator[list[str]]:
    """Yield the names of this many namespaces, which share the sockets equally."""
    with ExitStack() as stack:
        names = [stack.enter_context(ip_netns()) for _ in range(number)]
        for name in names:
            with inside(name):
                shape = Shape(SOCKETS // number, light=LIGHT // number)
                stack.enter_context(populated(shape, program, say)).stay(0)
        yield names


def say(line: str) -> None:
    """Report how far the run has come."""
    sys.stderr.write(f"benchmarks: {line}\n")


def measure_rounds(names: Sequence[str]) -> dict[str, float]:
    """Return ms of CPU for a sample by each contender."""
    with ExitStack() as stack:
        takes = {name: stack.enter_context(make(names)) for name, make in CONTENDERS.items()}
        found: dict[str, list[float]] = {name: [] for name in takes}
        for _ in range(ROUNDS):
            for name, take in takes.items():
                started = time.thread_time()
                take()
                found[name].append(1e3 * (time.thread_time() - started))
        return {name: median(cpu) for name, cpu in found.items()}


@contextmanager
def walking(names: Sequence[str]) -> Iterator[Take]:
    """Yield a function that walks the tables for these namespaces and counts what is theirs.

    The rules are those of the defaults, for settings have to be read inside of each namespace; the
    ports that listen are served, as in a sample.
    """
    parser, inodes = best_parser(), [namespace_inode(name) for name in names]
    sources = own_sources(sys.platform, PROCFS, parser, walked=True)
    elsewhere = elsewhere_of(open_tables(), parser, sources)
    if elsewhere is None:
        raise BenchmarkError(sources.told_by().why)
    settings, reuse = sources.settings.port_range(), sources.settings.time_wait_reuse()
    request, usable = TallyRequest(min_ratio=Config().listing.leave_ratio), settings.usable

    def take() -> None:
        with elsewhere.looked_at(inodes):
            for inode in inodes:
                elsewhere.inode = partial(int, inode)
                listening = elsewhere.listening(BoundRules(usable))
                if listening is None:
                    raise BenchmarkError(f"a walk does not show namespace {inode}")
                served = dict.fromkeys(ports_of(listening.listening), 0.0)
                elsewhere.tally(tally_rules(settings, reuse, listening, served, request))

    yield take
    sources.close()


@contextmanager
def sampling(names: Sequence[str], source: str, collectors: Collection[str]) -> Iterator[Take]:
    """Yield a function that samples these namespaces and our own; one sample has been taken."""
    wishes = Wishes("host", wanted_parts(list(collectors)), others=True, source=source)
    choice = NamespaceChoice(re.compile("|".join(names)), most=len(names))
    host = open_host(wishes, PROCFS, best_parser(), sys.platform)
    with closing(NamespaceSamplers(host, choice, PROCFS, structlog.get_logger())) as samplers:
        taken = samplers.take(Config())
        if len(taken.namespaces) != 1 + len(names):
            raise BenchmarkError(f"{len(taken.namespaces)} namespaces, not {1 + len(names)}")
        yield lambda: samplers.take(Config())
    host.own.close()


SOCKETS_ALONE = ("sockets",)
WALK, WITH_SETTINGS, WHOLE = (
    "walk and counting alone",
    "sockets with their settings",
    "whole samples",
)
CONTENDERS: dict[str, Callable[[Sequence[str]], AbstractContextManager[Take]]] = {
    f"{WALK}, by BPF": walking,
    f"{WITH_SETTINGS}, by BPF": partial(sampling, source=BPF, collectors=SOCKETS_ALONE),
    f"{WITH_SETTINGS}, by netlink": partial(sampling, source=NETLINK, collectors=SOCKETS_ALONE),
    f"{WHOLE}, by BPF": partial(sampling, source=BPF, collectors=COLLECTORS),
    f"{WHOLE}, by netlink": partial(sampling, source=NETLINK, collectors=COLLECTORS),
}


def results_section(costs: Costs) -> str:
    """Return the results in Markdown."""
    rows = [(name, *(_cell(costs, name, number) for number in costs)) for name in CONTENDERS]
    titles = ("ms of CPU", *(f"{number} namespaces" if number > 1 else "one" for number in costs))
    return f"{machine_sentence(describe_machine({}))}\n\n{table(titles, rows)}"


def _cell(costs: Costs, name: str, number: int) -> str:
    cost = costs[number][name]
    return f"{cost:.1f} ({_ratio(costs, name, number):.2f} ×)" if number > 1 else f"{cost:.1f}"


def _ratio(costs: Costs, name: str, number: int) -> float:
    return costs[number][name] / costs[min(costs)][name]


def figures_of(costs: Costs) -> dict[str, float]:
    """Return the figures tracked over time: how much more many namespaces cost than one.

    Ratios, and ms of CPU for each namespace that is added to a whole sample.
    """
    words = {WALK: "walk", WITH_SETTINGS: "sockets", WHOLE: "whole"}
    ratios = {
        f"namespaces_{number}_{word}_ratio": round(_ratio(costs, f"{name}, by BPF", number), 2)
        for number in costs
        if number > 1
        for name, word in words.items()
    }
    few, many = min(costs), max(costs)
    added = costs[many][f"{WHOLE}, by BPF"] - costs[few][f"{WHOLE}, by BPF"]
    return ratios | {"namespace_ms": round(added / (many - few), 2)}


if __name__ == "__main__":
    sys.exit(main())
