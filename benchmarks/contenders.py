"""What is measured: each contender takes one sample of all TCP sockets when asked."""

import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.conversation import conversation
from benchmarks.failure import BenchmarkError
from benchmarks.node_exporter import node_exporter
from benchmarks.parsers import parsers
from benchmarks.peers import Peers
from benchmarks.programs import Command, start_silent
from benchmarks.timing import Timing, parse_timing

FLOOR = "floor: dump and discard, in C"
BY_BPF = "exporter, by BPF"
WALK = "exporter, its walk for bound-only sockets"
ELSEWHERE = ", in an empty namespace beside it"
IN_A_NEW_NAMESPACE = ("unshare", "--net")


def compared(name: str) -> bool:
    """Return whether a contender looks at all sockets, and so can be ranked with the others."""
    return name != WALK and ELSEWHERE not in name


@dataclass(frozen=True, slots=True)
class Contender:
    """A name and a way to take one sample; `take` may raise BenchmarkError."""

    name: str
    take: Callable[[], Timing]


@contextmanager
def all_contenders(floor: Path, peers: Peers) -> Iterator[list[Contender]]:
    """Start every contender in the calling process's namespace; the floor comes first."""
    with ExitStack() as children:

        def child(name: str, *command: str | Path) -> Contender:
            talk = children.enter_context(conversation(command))
            return Contender(name, lambda: parse_timing(talk.ask()))

        scrape = children.enter_context(node_exporter(peers.node_exporter))
        names = list(parsers())
        yield [
            child(FLOOR, floor),
            *(child(f"exporter, {name} parser", *_exporter(name)) for name in names),
            child(BY_BPF, *_exporter(names[0]), "bpf"),
            Contender("node_exporter, tcpstat only", scrape),
            Contender("ss -tan", lambda: time_program(("ss", "-tan"))),
            child("/proc/net/tcp, read", *_module("proc_net_tcp")),
            child("/proc/net/tcp, states counted", *_module("proc_net_tcp"), "count"),
            child("psutil.net_connections", peers.psutil_python, *_module("psutil_tcp")[1:]),
            child(WALK, *_module("bound_only_walk")),
            child(FLOOR + ELSEWHERE, *IN_A_NEW_NAMESPACE, floor),
            child("exporter" + ELSEWHERE, *IN_A_NEW_NAMESPACE, *_exporter(names[0])),
        ]


def _module(name: str) -> tuple[str, ...]:
    return (sys.executable, "-m", f"benchmarks.children.{name}")


def _exporter(parser: str) -> tuple[str, ...]:
    return (*_module("exporter_samples"), parser)


def time_program(command: Command) -> Timing:
    """Time a program from start to end. No other child may end meanwhile."""
    wall, cpu = time.perf_counter(), _children_cpu_seconds()
    with start_silent(command) as process:
        code = process.wait()
    if code != 0:
        raise BenchmarkError(f"{command[0]} ended with code {code}")
    return Timing(time.perf_counter() - wall, _children_cpu_seconds() - cpu)


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
