"""What the counting BPF programs cost a connection: python -m benchmarks.counting [--write].

Needs root, and takes about a minute. The connections are in a separate network namespace; while the
programs are attached, they see every socket state change on the host.
"""

import socket
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from statistics import median
from typing import NamedTuple, Protocol

from benchmarks.conversation import Conversation, conversation
from benchmarks.failure import BenchmarkError
from benchmarks.machine import describe_machine
from benchmarks.paths import HERE
from benchmarks.programs import compile_c
from benchmarks.section import run_section
from benchmarks.tables import machine_sentence, table
from benchmarks.timing import parse_timing
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.active_closes import open_active_closes
from tcp_pressure_exporter.sources.bpf.port_failures import open_port_failures
from tcp_pressure_exporter.sources.bpf.state_changes import open_state_changes
from tests.support.labs.network_namespace import network_namespace, set_sysctl

ROUNDS = 41
LIVES, REFUSALS = 2_000, 10_000  # of each measurement: about 70 ms
BUDGET = 0.05  # of a connection's life, by all programs together
PORT = 90  # of connections.c
BEGIN = "<!-- counting: written by benchmarks/counting.py, do not edit -->"
TITLES = ("attached", "µs of CPU", "more than without", "middle half", "share")


class Counting(Protocol):
    """A program that is attached."""

    def close(self) -> None:
        """Let it go."""


OpenCounting = Callable[[], Counting | Missing]


def open_both() -> Counting | Missing:
    """Attach the program that does the work of both."""
    return open_state_changes()[0]


CONTENDERS: dict[str, tuple[OpenCounting, ...]] = {
    "failures": (open_port_failures,),
    "active_closes": (open_active_closes,),
    "both": (open_both,),
}


class Cost(NamedTuple):
    """CPU seconds per event, with those without any program just before and just after."""

    cpu: float
    floor: float

    @property
    def more(self) -> float:
        """What the programs add."""
        return self.cpu - self.floor


Costs = dict[str, list[Cost]]


def main() -> int:
    """Measure and print the tables; --write keeps them. Return 1 if that failed."""
    program = ("benchmarks.counting", __doc__)
    return run_section(program, BEGIN, measure, (results_section, figures_of))


def measure() -> tuple[Costs, Costs]:
    """Return what a connection's life costs, and what a connect() that finds no port costs."""
    with tempfile.TemporaryDirectory() as folder, network_namespace():
        program = compile_c(HERE / "connections.c", Path(folder))
        with conversation((program,)) as child:
            set_sysctl("ip_local_port_range", "1024 65535")
            lives = measure_rounds(child, "life", LIVES)
            with full_range():
                return lives, measure_rounds(child, "refused", REFUSALS)


@contextmanager
def full_range() -> Iterator[None]:
    """Leave no local port free towards the first destination."""
    set_sysctl("ip_local_port_range", "1024 1024")
    with socket.create_connection(("127.0.0.2", PORT)):
        yield


def measure_rounds(child: Conversation, kind: str, number: int) -> Costs:
    """Return the costs of each contender, measured alternately with none."""

    def ask() -> float:
        return parse_timing(child.ask(f"{kind} {number}")).cpu / number

    costs: Costs = {name: [] for name in CONTENDERS}
    ask()  # warms up
    after = ask()
    for _ in range(ROUNDS):
        for name, programs in CONTENDERS.items():
            before = after
            with attached(programs):
                cpu = ask()
            after = ask()
            costs[name].append(Cost(cpu, (before + after) / 2))
    return costs


@contextmanager
def attached(programs: Sequence[OpenCounting]) -> Iterator[None]:
    """Attach some programs; raises BenchmarkError if that is impossible here."""
    with ExitStack() as stack:
        for open_program in programs:
            made = open_program()
            if isinstance(made, Missing):
                raise BenchmarkError(made.reason)
            stack.enter_context(closing(made))
        yield


def results_section(measured: tuple[Costs, Costs]) -> str:
    """Return the results in Markdown."""
    lives, refusals = measured
    share = _share(lives["both"])
    kept = "kept" if share <= BUDGET else "**not kept**"
    verdict = (
        f"Both together take {share:.1%} of a connection's life: the budget of {BUDGET:.0%} is"
        f" {kept}."
    )
    return "\n\n".join(
        [
            machine_sentence(describe_machine({})),
            verdict,
            "A connection's life, both ends:",
            table(TITLES, list(_rows(lives))),
            "A connect() that finds no local port, in a range of one:",
            table(TITLES, list(_rows(refusals))),
        ]
    )


def figures_of(measured: tuple[Costs, Costs]) -> dict[str, float]:
    """Return what is tracked over time: µs of a connection's life, and what programs add."""
    lives, _refusals = measured
    floor = median(cost.floor for found in lives.values() for cost in found)
    more = {
        f"{name}_microseconds": round(median(cost.more for cost in found) * 1e6, 2)
        for name, found in lives.items()
    }
    share = round(100 * _share(lives["both"]), 1)
    return {"connection_microseconds": round(floor * 1e6, 2), **more, "both_percent": share}


def _rows(costs: Costs) -> Iterator[tuple[str, ...]]:
    floor = median(cost.floor for found in costs.values() for cost in found)
    yield "none", f"{floor * 1e6:.2f}", "", "", ""
    for name, found in costs.items():
        more = sorted(cost.more for cost in found)
        quarter = len(more) // 4
        yield (
            name,
            f"{median(cost.cpu for cost in found) * 1e6:.2f}",
            f"{median(more) * 1e6:.2f}",
            f"{more[quarter] * 1e6:.2f} to {more[-1 - quarter] * 1e6:.2f}",
            f"{_share(found):.1%}",
        )


def _share(costs: list[Cost]) -> float:
    return median(cost.more / cost.floor for cost in costs)


if __name__ == "__main__":
    sys.exit(main())
