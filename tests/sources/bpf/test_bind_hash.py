"""The ports that connect() skips, for several namespaces from one walk."""

import errno
import os
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.bind_hash import (
    ARGUMENTS,
    IN_STEP,
    MOST_ELSEWHERE,
    OBJECT,
    BindHash,
)
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, load, opened
from tests.support.fakes.bpf_calls import Refusing
from tests.support.labs.lab import open_lab
from tests.support.labs.other_namespaces import inside, ip_netns, namespace_inode


@pytest.fixture(params=[OBJECT, pytest.param(IN_STEP, marks=pytest.mark.bpf(IN_STEP))])
def table(request: pytest.FixtureRequest) -> Iterator[BindHash]:
    found = opened(request.param, BindHash, load)
    assert not isinstance(found, Missing), found.reason
    with closing(found):
        yield found


@pytest.mark.bpf
def test_one_walk_for_all(netns: None, table: BindHash) -> None:
    """Inside the block, each namespace has its own ports, all found by one walk."""
    del netns
    with ExitStack() as stack:
        names = [stack.enter_context(ip_netns()) for _ in range(3)]
        labs = []
        for number, name in enumerate(names):
            with inside(name):
                labs.append(stack.enter_context(open_lab()))
                labs[-1].bind("127.0.0.1", 9100 + number)
        alone = [skipped_in(table, name) for name in names]
        assert all(ports >> 9100 + number & 1 for number, ports in enumerate(alone))
        with table.looked_at([namespace_inode(name) for name in names]):
            for name, lab in zip(names, labs, strict=True):
                with inside(name):
                    lab.bind("127.0.0.1", 9200)
            assert [skipped_in(table, name) for name in names] == alone
        assert [skipped_in(table, name) for name in names] == [ports | 1 << 9200 for ports in alone]


def skipped_in(table: BindHash, name: str) -> int:
    with inside(name):
        return table.skipped_ports()


@pytest.mark.bpf
def test_more_than_one_walk_has_room_for(netns: None, table: BindHash) -> None:
    """However many namespaces there are, all are looked at before the first is sampled."""
    del netns
    others = range(1, 1 + MOST_ELSEWHERE)  # no namespace has such a number
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            lab = stack.enter_context(open_lab())
            lab.bind("127.0.0.1", 9500)
        inode = namespace_inode(name)
        for inodes, port in (([*others, inode], 9501), ([inode, *others], 9502)):
            with table.looked_at(inodes):
                with inside(name):
                    lab.bind("127.0.0.1", port)
                ports = skipped_in(table, name)
            assert ports >> 9500 & 1
            assert not ports >> port & 1


@pytest.mark.bpf
def test_the_own_one_besides(netns: None, table: BindHash) -> None:
    """A walk for other namespaces also finds the ports of the thread's own namespace."""
    del netns
    with ip_netns() as name, open_lab() as lab:
        lab.bind("127.0.0.1", 9500)
        with table.looked_at([namespace_inode(name)]):
            lab.bind("127.0.0.1", 9501)
            ports = table.skipped_ports()
        assert ports >> 9500 & 1
        assert not ports >> 9501 & 1


@pytest.mark.bpf
def test_under_churn(netns: None, table: BindHash) -> None:
    """While other ports are bound and released all the time, no walk misses a port that stays."""
    del netns
    stable = range(20_000, 20_200)
    with open_lab() as lab, ThreadPoolExecutor(1) as pool:
        for port in stable:
            lab.bind("127.0.0.1", port)
        stop = threading.Event()
        churn = pool.submit(bind_and_release, stop)
        try:
            missed = [port_set(stable) & ~table.skipped_ports() for _ in range(200)]
        finally:
            stop.set()
        assert churn.result() > 0
        assert not any(missed)


def bind_and_release(stop: threading.Event) -> int:
    """Bind ports in crowds, whose buckets share chains with those that stay; return how many."""
    bound = 0
    while not stop.is_set():
        with ExitStack() as crowd:
            for _ in range(500):
                sock = crowd.enter_context(socket.socket())
                with suppress(OSError):
                    sock.bind(("127.0.0.1", 0))
                    bound += 1
    return bound


class FailingWalk(Refusing):
    """A kernel that tells the size of its table, but lets nobody walk it."""

    def load(self, _name: str, /) -> dict[str, int]:
        return {"skipped_ports": 10, "elsewhere": 11, "walk_bind_hash": 12}

    def run(self, _program: int, arguments: bytes = b"", /) -> int:
        _everywhere, _first, chains = ARGUMENTS.unpack(arguments)
        if not chains:
            return 65_536
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def test_failing_walk() -> None:
    """If the walk for all fails, each namespace gets its own, which reports why it fails."""
    table = BindHash(BpfObject("bind_hash", FailingWalk(), lambda _descriptor: None), lambda: 7)
    with table.looked_at([7]), pytest.raises(SourceError, match="ENOMEM"):
        table.skipped_ports()
