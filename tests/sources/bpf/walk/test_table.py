"""Walks of the kernel's table of connections: with a scripted kernel, and on real sockets."""

import errno
import os
import random
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.close_wait import CloseWaitSocket
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.bpf.loading import BpfObject
from tcp_pressure_exporter.sources.bpf.walk import compiled, readable
from tcp_pressure_exporter.sources.bpf.walk.found import (
    HEAD,
    NO_ROOM,
    STRAYED,
    WALKED,
)
from tcp_pressure_exporter.sources.bpf.walk.table import ConnectionTable, open_connection_table
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets
from tcp_pressure_exporter.sources.netlink.sockets import NetlinkSockets
from tests.support.labs.lab import SERVER_PORT, Lab, Pair, open_lab, time_wait_here, time_wait_there
from tests.support.labs.network_namespace import network_namespace, set_sysctl
from tests.support.messages.datagrams import (
    CLOSE_WAIT,
    ESTABLISHED,
    FIN_WAIT2,
    SYN_RECV,
    TIME_WAIT,
)

ONLY_KEY = bytes(4)
TICK_MS = 10  # of the slowest clock: HZ=100
SETTLE_SECONDS = 0.1  # a FIN can be acknowledged 40 ms later


class FakeTable:
    """A kernel with a table of this many chains; each walk ends with the next of `results`."""

    def __init__(self, chains: int = 2048, results: Sequence[int] = ()) -> None:
        self._chains = chains
        self._results = iter(results)
        self.walked: list[tuple[int, int]] = []

    def load(self, _name: str, /) -> dict[str, int]:
        return {"found": 10, "walk_connections": 11}

    def attach(self, _program: int, /) -> int:
        raise AssertionError

    def run(self, _program: int, arguments: bytes = b"", /) -> int:
        first, chains, others = (
            int.from_bytes(arguments[at : at + 8], "little") for at in (0, 8, 16)
        )
        assert others == 0
        if not chains:
            return WALKED
        result = next(self._results, WALKED)
        if result == WALKED:
            self.walked.append((first, chains))
        return result

    def look_up(self, _table: int, key: bytes, size: int, /) -> bytes:
        assert key == ONLY_KEY
        return HEAD.pack(self._chains, 0, 0, 0).ljust(size, b"\0")

    def entries(
        self, _table: int, _key_size: int, _value_size: int, _most: int, /
    ) -> list[tuple[bytes, bytes]]:
        raise AssertionError

    def update(self, _table: int, _key: bytes, _value: bytes, /) -> None:
        raise AssertionError

    def delete_entries(self, _table: int, _keys: bytes, _key_size: int, /) -> None:
        raise AssertionError


def table_of(kernel: FakeTable) -> ConnectionTable:
    return ConnectionTable(BpfObject("connections", kernel, lambda _: None), 250, lambda: 0)


def test_block_by_block() -> None:
    """The table is walked once, in blocks; the last block ends at the end of the table."""
    kernel = FakeTable()
    assert [found.block for found in table_of(kernel).walk()] == [0, 1]
    assert kernel.walked == [(0, 1024), (1024, 1024)]


def test_small_table() -> None:
    """A table smaller than a block is one block; one too small to walk in step fails."""
    kernel = FakeTable(64)
    assert len(list(table_of(kernel).walk())) == 1
    assert kernel.walked == [(0, 64)]
    with pytest.raises(SourceError, match="BPF walk: a table of 8 chains"):
        list(table_of(FakeTable(8)).walk())


def test_no_room() -> None:
    """If a block holds more than fits, it and all later blocks are walked in smaller pieces."""
    kernel = FakeTable(results=([NO_ROOM, NO_ROOM]))
    assert [found.block for found in table_of(kernel).walk()] == [0] * 4 + [1] * 4
    assert kernel.walked == [(first, 256) for first in range(0, 2048, 256)]


def test_never_any_room() -> None:
    """If chains cannot be divided further and still do not fit, the walk fails."""
    kernel = FakeTable(results=([NO_ROOM] * 100))
    with pytest.raises(SourceError, match="BPF walk: 16 chains have more connections than fit"):
        list(table_of(kernel).walk())


def test_strayed() -> None:
    """Chains that changed during the walk are walked again, but not forever."""
    kernel = FakeTable(results=([STRAYED] * 5))
    list(table_of(kernel).walk())
    assert kernel.walked == [(0, 1024), (1024, 1024)]
    with pytest.raises(SourceError, match="BPF walk: 1024 chains change all the time"):
        list(table_of(FakeTable(results=([STRAYED] * 100))).walk())


def test_refused() -> None:
    """If a program does not load, the source is missing, with the kernel's reason."""

    def refuse(name: str) -> BpfObject:
        raise SourceError(f"BPF object {name}", os.strerror(errno.EPERM))

    found = open_connection_table(refuse)
    assert found == Missing("BPF object connections: Operation not permitted")


RULES = TallyRules(
    usable=port_set(range(32768, 61000)),
    blocked=0,
    served=port_set([9000]),
    reuse=TimeWaitReuse(everywhere=True, on_loopback=True),
    kept_states=1 << CLOSE_WAIT,
)


@contextmanager
def opened_table() -> Iterator[ConnectionTable]:
    table = open_connection_table()
    assert not isinstance(table, Missing), table.reason
    try:
        yield table
    finally:
        table.close()


def by_netlink(rules: TallyRules) -> SocketTally:
    parser = best_parser()
    sockets = NetlinkSockets(parser.tally, parser.tally_bound)
    try:
        return sockets.tally(rules)
    finally:
        sockets.close()


def timeless(counted: SocketTally) -> SocketTally:
    """Return what depends neither on the time of counting nor on how a source names sockets."""
    edge = counted.edge._replace(started_ms=0, ended_ms=0, cookies=b"", by="")
    pools = {
        name: replace(
            pools,
            rows={key: row._replace(ages=b"", reclaimable=0) for key, row in pools.rows.items()},
            others=pools.others._replace(ages=b""),
        )
        for name in ("outbound", "inbound", "privileged", "explicit")
        for pools in [getattr(counted, name)]
    }
    return replace(counted, edge=edge, longest_left_ms=0, kept=(), **pools)


def close_waits(counted: SocketTally) -> list[CloseWaitSocket]:
    found = close_wait_sockets(counted.kept)
    return sorted(socket._replace(cookie=b"") for socket in found)


@pytest.mark.bpf("connections")
@pytest.mark.parametrize("seed", range(5))
def test_random_table(lab: Lab, seed: int) -> None:
    """On a quiet table, whatever it holds, both sources count the same, and so do both decoders."""
    make_sockets(lab, random.Random(seed))  # noqa: S311 - chooses what to test
    time.sleep(SETTLE_SECONDS)
    with opened_table() as table:
        began = time.monotonic()
        walked, dumped = compiled.tally_table(table, RULES), by_netlink(RULES)
        passed_ms = 1000 * (time.monotonic() - began)
        found = list(table.walk())
    assert timeless(walked) == timeless(dumped)
    assert close_waits(walked) == close_waits(dumped)
    assert 0 <= walked.longest_left_ms - dumped.longest_left_ms <= passed_ms + TICK_MS
    states = {state for (_v4, state), sockets in dumped.states.items() if sockets}
    assert {ESTABLISHED, SYN_RECV, FIN_WAIT2, TIME_WAIT, CLOSE_WAIT} <= states
    by = replace(RULES, since=walked.edge)
    again = compiled.tally_found(found, table.hz, by, found[0].now_ms)
    assert again == readable.tally_found(found, table.hz, by, found[0].now_ms)
    assert timeless(again) == timeless(walked)
    assert sum(row.entered for row in again.outbound.rows.values()) == 0


def make_sockets(lab: Lab, choose: random.Random) -> None:
    """Make connections of every family, in most states that can be held still."""
    subprocess.run(["ip", "address", "add", "10.9.0.1/32", "dev", "lo"], check=True)
    remotes = [("127.0.0.9", False), ("127.0.0.9", True), ("::1", False), ("10.9.0.1", False)]
    ends: list[Callable[[Pair], None]]
    ends = [time_wait_here, time_wait_there, lambda pair: pair[0].close(), lambda _pair: None]
    for end in [*ends, *choose.choices(ends, k=80)]:
        remote, mapped = choose.choice(remotes)
        end(lab.connect(remote, mapped=mapped))
    for _ in range(choose.randrange(1, 4)):
        bound = lab.keep(socket.socket())
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        bound.connect(("127.0.0.9", SERVER_PORT))
    deferring = lab.listen("127.0.0.1", 9001)
    deferring.setsockopt(socket.IPPROTO_TCP, socket.TCP_DEFER_ACCEPT, 30)
    for _ in range(choose.randrange(1, 4)):
        lab.keep(socket.create_connection(("127.0.0.1", 9001)))  # in SYN_RECV until data arrives


@pytest.mark.bpf("connections")
def test_other_namespaces(lab: Lab) -> None:
    """The connections of other network namespaces share the table, but are not told."""
    lab.connect("127.0.0.9")
    with network_namespace(), opened_table() as table:
        assert sum(compiled.tally_table(table, RULES).states.values()) == 0
    with opened_table() as table:
        assert sum(compiled.tally_table(table, RULES).states.values()) == 2


@pytest.mark.bpf("connections")
def test_own_table() -> None:
    """A namespace with its own table is walked from inside, and recognised as private."""
    with network_namespace():
        set_sysctl("tcp_child_ehash_entries", 1024)
        with opened_table() as table, network_namespace(), open_lab() as lab:
            lab.connect("127.0.0.9")
            assert (table.chains(), table.is_private()) == (1024, True)
            assert sum(compiled.tally_table(table, RULES).states.values()) == 2
        with opened_table() as table:
            assert not table.is_private()


@pytest.mark.bpf("connections")
def test_closed() -> None:
    """A table that was released fails like every source."""
    with opened_table() as table:
        table.close()
        with pytest.raises(SourceError, match="BPF object connections: has no"):
            compiled.tally_table(table, RULES)
