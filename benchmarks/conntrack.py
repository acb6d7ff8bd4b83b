"""What the NAT pools of a gateway cost: python -m benchmarks.conntrack [--write].

Needs root, and takes under a minute. The entries are written into the conntrack table of a separate
network namespace, without traffic; they go with it.
"""

import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from benchmarks.contenders import Contender, time_program
from benchmarks.failure import BenchmarkError
from benchmarks.machine import describe_machine
from benchmarks.parsers import parsers
from benchmarks.results import Row
from benchmarks.rounds import Measured
from benchmarks.section import run_section
from benchmarks.summary import summarise
from benchmarks.tables import machine_sentence, table
from benchmarks.timing import Timing
from tcp_pressure_exporter.facts.tally import NatRules, PoolKey, RowRules
from tcp_pressure_exporter.sources.conntrack.proc import read_proc_conntrack
from tcp_pressure_exporter.sources.conntrack.table import ConntrackSocket, open_conntrack_socket
from tcp_pressure_exporter.sources.counting.parser import Parser, best_parser
from tcp_pressure_exporter.sources.netlink.ctnetlink import encode_nat_request
from tcp_pressure_exporter.sources.netlink.socket import DATAGRAM_BYTES
from tests.support.labs.conntrack_entry import creation
from tests.support.labs.network_namespace import network_namespace
from tests.support.messages.conntrack_messages import Connection
from tests.support.messages.datagrams import DONE
from tests.support.messages.socket_entries import sixteen_bytes

ENTRIES = 100_000
DESTINATIONS = 100
ROUNDS = 9
REQUEST_AND_CREATE = 0x1 | 0x200 | 0x400  # NLM_F_REQUEST, EXCL, CREATE: no answer
DONE_START = struct.pack("=IH", 20, DONE)  # length and type of the message that ends a dump
GATEWAY = "198.51.100.1"
POOLS = [
    PoolKey(sixteen_bytes(GATEWAY), sixteen_bytes(f"203.0.113.{group}"), (443).to_bytes(2))
    for group in range(DESTINATIONS)
]
OWN = NatRules(RowRules(watched=frozenset(POOLS)), evicts=False, translated=False)
COUNT = Path("/proc/sys/net/netfilter/nf_conntrack_count")
BEGIN = "<!-- conntrack: written by benchmarks/conntrack.py, do not edit -->"
Scene = Callable[[], AbstractContextManager[list[Contender]]]
TITLES = ("reader", "ratio to the floor", "lowest-highest", "wall ms", "ns an entry", "CPU ms")


def main() -> int:
    """Measure and print the table; --write keeps it. Return 1 if that failed."""
    program = ("benchmarks.conntrack", __doc__)
    return run_section(program, BEGIN, measure, (results_section, figures_of))


def measure() -> list[Row]:
    """Return a row for each way to read translated connections, then others, floors first."""
    return [*measure_scene(readers, translated=True), *measure_scene(own_readers, translated=False)]


def measure_scene(scene: Scene, *, translated: bool) -> list[Row]:
    """Return a row for each way to read entries with, or without, a translated source."""
    with network_namespace(), scene() as (floor, *others):
        track_connections(translated=translated)
        results: dict[str, list[Measured]] = {}
        for reader in (floor, *others):
            reader.take()  # loads what it loads lazily
        for _ in range(ROUNDS):
            after = floor.take()
            for reader in (floor, *others):
                before, timing, after = after, reader.take(), floor.take()
                measured = Measured(timing, tracked(), before, after)
                results.setdefault(reader.name, []).append(measured)
    return [summarise(name, measured) for name, measured in results.items()]


def track_connections(*, translated: bool) -> None:
    """Write the entries: from one address to many destinations, with or without SNAT."""
    with open_conntrack_socket() as netlink:
        for number in range(ENTRIES):
            group, port = number % DESTINATIONS, 1024 + number // DESTINATIONS
            own, server = (GATEWAY, port), (f"203.0.113.{group}", 443)
            client = (f"10.1.{group}.7", port)
            connection = Connection(client, server, own) if translated else Connection(own, server)
            netlink.send(creation(connection, REQUEST_AND_CREATE))
    if tracked() != ENTRIES:
        raise BenchmarkError(f"conntrack holds {tracked():,} entries, not {ENTRIES:,}")


def tracked() -> int:
    """Return how many entries the namespace holds."""
    return int(COUNT.read_text())


@contextmanager
def readers() -> Iterator[list[Contender]]:
    """Give the ways to read all entries, the floor first."""
    rules = NatRules()
    with ExitStack() as sockets:
        floor = sockets.enter_context(open_conntrack_socket())
        conntrack = ConntrackSocket()
        sockets.callback(conntrack.close)

        def parse(parser: Parser) -> Callable[[], object]:
            return lambda: conntrack.ask(lambda dump: parser.tally_nat(dump, rules))

        yield [
            Contender("floor: dump and discard", timed(lambda: discard(floor, translated=True))),
            *(Contender(f"{name} parser", timed(parse(p))) for name, p in parsers().items()),
            Contender(
                "text of /proc/net/nf_conntrack",
                timed(lambda: read_proc_conntrack(Path("/proc"), rules)),
            ),
            Contender("conntrack -L", lambda: time_program(("conntrack", "-L", "--src-nat"))),
        ]


@contextmanager
def own_readers() -> Iterator[list[Contender]]:
    """Give what the gateway's own connections cost when they are counted, and when not."""
    parser = best_parser()
    with ExitStack() as sockets:
        floor = sockets.enter_context(open_conntrack_socket())
        conntrack = ConntrackSocket()
        sockets.callback(conntrack.close)

        def ask(rules: NatRules) -> object:
            return conntrack.ask(
                lambda dump: parser.tally_nat(dump, rules), translated=rules.translated
            )

        yield [
            Contender("own: dump and discard", timed(lambda: discard(floor, translated=False))),
            Contender("own: counted", timed(lambda: ask(OWN))),
            Contender("own: passed over", timed(lambda: ask(NatRules()))),
        ]


def discard(netlink: socket.socket, *, translated: bool) -> None:
    """Request the entries and discard the answer."""
    buffer = bytearray(DATAGRAM_BYTES)
    netlink.send(encode_nat_request(1, translated=translated))
    size = netlink.recv_into(buffer)
    while buffer[:6] != DONE_START and buffer[size - 20 : size - 14] != DONE_START:
        size = netlink.recv_into(buffer)


def timed(read: Callable[[], object]) -> Callable[[], Timing]:
    """Return a function that times a call, in wall and CPU time."""

    def take() -> Timing:
        wall, cpu = time.perf_counter(), time.process_time()
        read()
        return Timing(time.perf_counter() - wall, time.process_time() - cpu)

    return take


def figures_of(rows: list[Row]) -> dict[str, float]:
    """Return what is tracked over time: the ratios of what the exporter does to the floor."""
    ratios = {row.contender: row.ratio for row in rows}
    return {
        "conntrack_ratio": ratios["compiled parser"],
        "conntrack_own_ratio": ratios["own: counted"],
        "conntrack_passed_over_ratio": ratios["own: passed over"],
    }


def results_section(rows: list[Row]) -> str:
    """Return the results in Markdown."""
    cells = [
        (
            row.contender,
            f"{row.ratio:.2f}",
            f"{row.ratio_low:.2f}-{row.ratio_high:.2f}",
            f"{row.wall_ms:,.1f}",
            f"{row.wall_ms * 1e6 / ENTRIES:,.0f}",
            f"{row.cpu_ms:,.1f}",
        )
        for row in rows
    ]
    return f"{machine_sentence(describe_machine({}))}\n\n{table(TITLES, cells)}"


if __name__ == "__main__":
    sys.exit(main())
