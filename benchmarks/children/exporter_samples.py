"""Child: takes samples as the daemon does, with the parser named by its argument.

With a second argument, whatever it is, BPF reports the sockets, and the ports that are bound.
Otherwise the walk for sockets that are only bound, which the daemon occasionally repeats, is left
out: see bound_only_walk.py. What only concerns pools near their limit is left out, too.
"""

import sys
import time
from dataclasses import replace
from pathlib import Path

from benchmarks.children.stopwatch import answer_each_line
from benchmarks.failure import BenchmarkError
from benchmarks.parsers import parsers
from tcp_pressure_exporter.daemon.collectors import COLLECTORS, wanted_parts
from tcp_pressure_exporter.daemon.command import return_large_blocks
from tcp_pressure_exporter.facts.questions import NO_BIND_TABLE, Missing
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory
from tcp_pressure_exporter.sampling.sampler import NamespaceSampler, make_parts
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.bpf.bind_hash import open_bind_hash
from tcp_pressure_exporter.sources.bpf.walk.sockets import WalkedSockets
from tcp_pressure_exporter.sources.bpf.walk.tables import open_tables
from tcp_pressure_exporter.sources.counting.parser import Parser
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import find_processes
from tcp_pressure_exporter.sources.procfs.resources import ProcNumbers
from tcp_pressure_exporter.sources.systems.linux import linux_sources
from tcp_pressure_exporter.sources.systems.walks import walked_sockets

NEAR_THE_LIMIT = {"canary", "pool_owners"}


class StoppableClock:
    """The monotonic clock, until it is stopped: then the next walk never becomes due."""

    def __init__(self) -> None:
        self._stopped_at: float | None = None

    def __call__(self) -> float:
        return time.monotonic() if self._stopped_at is None else self._stopped_at

    def stop(self) -> None:
        """Stand still from now."""
        self._stopped_at = time.monotonic()


def walked(parser: Parser, netlink: NetlinkSockets, clock: StoppableClock) -> WalkedSockets:
    """Return BPF's sockets; they are checked at the first sample, which is not measured."""
    tables = open_tables()
    if isinstance(tables, Missing):
        raise BenchmarkError(tables.reason)
    return walked_sockets(tables, parser, netlink, ProcNumbers(Path("/proc")), clock)


def main() -> None:
    """Take a sample per line; a collector that fails ends the measurement."""
    return_large_blocks()
    clock = StoppableClock()
    parser = parsers()[sys.argv[1]]
    netlink = NetlinkSockets(parser.tally, parser.tally_bound, clock=clock)
    by_bpf = bool(sys.argv[2:])
    sockets = walked(parser, netlink, clock) if by_bpf else netlink
    bind_table = open_bind_hash() if by_bpf else NO_BIND_TABLE
    sources = linux_sources(Path("/proc"), parser, bind_table)
    sources = replace(sources, sockets=sockets, details=sockets)
    memory = Memory()
    kit = Kit(sources, memory, Owners(Cgroups(), find_processes), time.monotonic)
    collectors = [name for name in COLLECTORS if name not in NEAR_THE_LIMIT]
    parts, _missing = make_parts(wanted_parts(collectors), kit)
    sampler = NamespaceSampler("host", sources, memory, parts, time.monotonic)

    def take() -> None:
        for _collector, outcome in sampler.take(Config()).outcomes():
            outcome.get()

    take()
    clock.stop()
    answer_each_line(take)


if __name__ == "__main__":
    main()
