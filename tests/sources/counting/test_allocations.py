"""The compiled parser when memory is short: each of its allocations fails once."""

import ctypes
import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import suppress
from importlib.machinery import ExtensionFileLoader
from importlib.util import module_from_spec, spec_from_loader
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tcp_pressure_exporter.facts import ports
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.walk.elsewhere import packed_inodes
from tcp_pressure_exporter.sources.bpf.walk.found import CONNECTION
from tcp_pressure_exporter.sources.bpf.walk.table import open_connection_table
from tcp_pressure_exporter.sources.counting.compiled import KEY
from tests.sources.bpf.walk.walked import found
from tests.sources.counting.extension import SOURCES, build_extension
from tests.support.labs.lab import Lab
from tests.support.messages.conntrack_messages import Connection, dump_of_entries, entry
from tests.support.messages.datagrams import (
    CLOSE_WAIT,
    ESTABLISHED,
    LISTEN,
    SEQUENCE,
    TIME_WAIT,
    Entry,
    dump_of,
)
from tests.support.messages.socket_entries import sixteen_bytes

HERE = Path(__file__).parent
MALLOC = ("malloc", "calloc", "realloc", "free")
PYTHON = (
    *("PyList_New", "PyList_Append", "PyDict_New", "PyLong_FromLong"),
    *("PyBytes_FromStringAndSize", "_Py_BuildValue_SizeT"),
)
NETWORKS = struct.pack("=16sII", bytes(16), 0, 0)  # one group of all
FEW_ROWS = (0, 2, 2**32 - 1, b"", NETWORKS)  # fewer than pools, so that rows have to be chosen
PORTS = ports.to_bitmap(ports.port_range(40000, 40999))
SERVED = ports.to_bitmap(ports.port_range(443, 443))
NO_PORTS = bytes(8192)
LENGTHS = (60_000, 60_000)


class Shim(NamedTuple):
    """The extension, and what failing_allocations.c shows and controls of it."""

    module: Any
    calls_until_failure: ctypes.c_long
    calls: ctypes.c_long
    blocks: ctypes.c_long


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Shim:
    return build_shim(tmp_path_factory.mktemp("extension"))


def build_shim(target: Path, name: str = "_tally", folder: Path = SOURCES) -> Shim:
    """Build the extension of this name from a folder's units, so that its allocations may fail."""
    path = target / f"{name}.abi3.so"
    wrapped = [f"-Wl,--wrap={function}" for function in MALLOC + PYTHON]
    build_extension(path, *wrapped, HERE / "failing_allocations.c", folder=folder)
    spec = spec_from_loader(name, ExtensionFileLoader(name, str(path)))
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    library = ctypes.CDLL(str(path))
    return Shim(module, *(ctypes.c_long.in_dll(library, name) for name in Shim._fields[1:]))


def sockets() -> Iterator[Entry]:
    """Yield enough for every table to grow: pools, their index, histograms, cookies, records."""
    for number in range(600):
        yield Entry(ESTABLISHED, "10.0.0.2", 40000, f"10.1.{number // 250}.{number % 250}", 443)
    for number in range(100):
        yield Entry(TIME_WAIT, "10.0.0.3", 40000 + number, "10.0.0.9", 443, expires=60_000)
    for number in range(70):
        for port in range(8):
            remote = f"10.2.0.{number}"
            yield Entry(TIME_WAIT, "10.0.0.4", 40100 + port, remote, 443, expires=1)
    for number in range(3):
        yield Entry(CLOSE_WAIT, "10.0.0.5", 443, f"10.3.0.{number}", 50_000)


CONNECTIONS = [
    Connection(("10.0.0.7", 50_000), (f"203.0.113.{number}", 443), ("198.51.100.1", 40_000))
    for number in range(5)
]
SOCKETS = dump_of(sockets())
NAT = dump_of_entries([entry(connection) for connection in CONNECTIONS])
BOUND = dump_of(Entry(LISTEN, f"10.0.0.{number % 3}", 40000 + number) for number in range(100))
LISTED = b"".join(
    KEY.pack(sixteen_bytes("198.51.100.1"), sixteen_bytes(f"203.0.113.{n}"), 0, b"\x01\xbb")
    for n in range(3)
)
NAT_RULES = (FEW_ROWS, True, True, LISTED, 0)
FIXED_POOLS = (*FEW_ROWS[:3], bytes(range(38 * 3)), b"")  # any keys
UNTRANSLATED_RULES = (FIXED_POOLS, False, False, b"", 0)
KNOWN = struct.pack("=200Q", *(half for number in range(100) for half in (number, 1)))
SOCKET_RULES = (
    (PORTS, NO_PORTS, SERVED),
    (b"", b""),
    (0, 0, 0, 0, *LENGTHS),
    (0, KNOWN),
    (FEW_ROWS, FEW_ROWS, FEW_ROWS, FEW_ROWS),
)


def timed(datagrams: list[bytes]) -> list[tuple[int, bytes]]:
    return [(0, datagram) for datagram in datagrams]


def count_sockets(module: Any) -> object:
    times = (0.0, 0.0, 0)
    kept = (1 << CLOSE_WAIT, 0)
    return module.tally_datagrams(timed(SOCKETS), SEQUENCE, times, SOCKET_RULES, kept)


def count_walk(module: Any) -> object:
    times, kept = (0.0, 0.0, 0), (1 << CLOSE_WAIT, 0)
    known = (0, struct.pack("=102I", 0, 100, *range(100)))
    rules = (*SOCKET_RULES[:3], known, SOCKET_RULES[4])
    walk = [found(sockets(), block) for block in range(2)]
    return module.tally_found((1000, walk), 0, times, rules, kept)


def count_nat(module: Any) -> object:
    return module.tally_nat_datagrams(timed(NAT), SEQUENCE, (0.0, 0.0), *NAT_RULES)


def count_untranslated(module: Any) -> object:
    return module.tally_nat_datagrams(timed(NAT), SEQUENCE, (0.0, 0.0), *UNTRANSLATED_RULES)


def count_bound(module: Any) -> object:
    return module.tally_bound_datagrams(timed(BOUND), SEQUENCE, (0.0, 0.0), PORTS, b"", 0)


def drain_nat(module: Any) -> object:
    ours, kernel = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ours, kernel:
        for datagram in NAT:
            kernel.send(datagram)
        return module.tally_nat_socket(ours.fileno(), SEQUENCE, (1.0, 9.0), *NAT_RULES)


@pytest.mark.bpf("connections")
def test_every_allocation_of_a_walk(shim: Shim, lab: Lab) -> None:
    """Nor does one for several namespaces leave anything behind."""
    for _ in range(40):
        lab.connect("127.0.0.9")
    lab.connect("127.0.0.9")[0].close()
    inode = Path("/proc/thread-self/ns/net").stat().st_ino
    table = open_connection_table()
    assert not isinstance(table, Missing), table.reason

    def collect() -> int:
        collected = shim.module.collect_connections(table.walker, packed_inodes([1, inode]))
        return sum(len(part[2]) // CONNECTION.size for _inode, parts in collected for part in parts)

    shim.calls.value = shim.calls_until_failure.value = 0
    assert collect() == 82
    for number in range(1, shim.calls.value + 1):
        shim.calls.value, shim.calls_until_failure.value = 0, number
        with suppress(MemoryError, ValueError):  # the order of the table is the kernel's
            collect()
        assert shim.blocks.value == 0
    shim.calls_until_failure.value = 0
    assert collect() == 82
    table.close()


@pytest.mark.parametrize(
    "count",
    [count_sockets, count_walk, count_bound, count_nat, count_untranslated, drain_nat],
)
def test_every_allocation(shim: Shim, count: Callable[[Any], object]) -> None:
    """Whichever fails, the dump fails for lack of memory, and frees what it had."""
    shim.calls.value = shim.calls_until_failure.value = 0
    whole = count(shim.module)
    for number in range(1, shim.calls.value + 1):
        shim.calls.value, shim.calls_until_failure.value = 0, number
        with pytest.raises((MemoryError, ValueError)) as caught:
            count(shim.module)
        assert caught.type is MemoryError or caught.value.args[1] == "out of memory"
        assert shim.blocks.value == 0
    shim.calls_until_failure.value = 0
    assert count(shim.module) == whole
