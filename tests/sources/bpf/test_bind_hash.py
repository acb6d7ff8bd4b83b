"""The ports that connect() skips, for several namespaces from one walk."""

import errno
import os
from collections.abc import Iterator
from contextlib import ExitStack, closing

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.bind_hash import (
    MOST_ELSEWHERE,
    BindHash,
    open_bind_hash,
)
from tcp_pressure_exporter.sources.bpf.loading import BpfObject
from tests.support.fakes.bpf_calls import Refusing
from tests.support.labs.lab import open_lab
from tests.support.labs.other_namespaces import inside, ip_netns, namespace_inode


@pytest.fixture
def table() -> Iterator[BindHash]:
    found = open_bind_hash()
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
def test_more_than_there_is_room_for(netns: None, table: BindHash) -> None:
    """If there are too many namespaces, the last is walked separately."""
    del netns
    others = range(1, 1 + MOST_ELSEWHERE)  # no namespace has such a number
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            lab = stack.enter_context(open_lab())
        inode = namespace_inode(name)
        for inodes, port, seen in (([*others, inode], 9501, True), ([inode, *others], 9502, False)):
            with table.looked_at(inodes):
                with inside(name):
                    lab.bind("127.0.0.1", port)
                assert skipped_in(table, name) >> port & 1 == seen


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


class FailingWalk(Refusing):
    """A kernel that runs no program."""

    def load(self, _name: str, /) -> dict[str, int]:
        return {"skipped_ports": 10, "elsewhere": 11, "walk_bind_hash": 12}

    def run(self, _program: int, _arguments: bytes = b"", /) -> int:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))


def test_failing_walk() -> None:
    """If the walk for all fails, each namespace gets its own, which reports why it fails."""
    table = BindHash(BpfObject("bind_hash", FailingWalk(), lambda _descriptor: None), lambda: 7)
    with table.looked_at([7]), pytest.raises(SourceError, match="ENOMEM"):
        table.skipped_ports()
