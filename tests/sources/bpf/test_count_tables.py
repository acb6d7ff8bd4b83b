"""Tables of counts: each namespace gets its own rows, from one reading for all if they are held."""

import errno
import os
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.bpf.loading import BpfObject
from tcp_pressure_exporter.sources.bpf.rows import CountTable, all_held
from tests.support.fakes.bpf_calls import Refusing

Rows = list[tuple[bytes, bytes]]


class Recorded(Refusing):
    """A kernel whose tables have these rows; reads: how often they were read."""

    def __init__(self, rows: Rows) -> None:
        super().__init__()
        self.rows = rows
        self.reads = 0
        self.fails = False

    def load(self, _name: str, /) -> dict[str, int]:
        return {"counts": 10}

    def entries(self, _table: int, _key_size: int, _value_size: int, _most: int, /) -> Rows:
        self.reads += 1
        if self.fails:
            raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM))
        return list(self.rows)


def row(netns: int, name: bytes = b"proxy", count: int = 1) -> tuple[bytes, bytes]:
    return struct.pack("=I16s", netns, name), struct.pack("=Q", count)


def table_of(kernel: Recorded) -> CountTable:
    return CountTable(BpfObject("counts", kernel, lambda _descriptor: None), "counts", 20, 4096)


@given(
    st.lists(st.tuples(st.binary(max_size=24) | st.integers(0, 3).map(lambda n: row(n)[0]),
                       st.binary(max_size=12))),
    st.integers(0, 3),
)  # fmt: skip
def test_whose_rows(rows: Rows, netns: int) -> None:
    """Whatever bytes the table has, a namespace gets the rows that begin with its number."""
    table = table_of(Recorded(rows))
    begin = netns.to_bytes(4, "little")
    assert list(table.of(netns)) == [one for one in rows if one[0].startswith(begin)]
    assert table.rows == len(rows)


def test_read_once() -> None:
    """Fifty namespaces that ask while the table is held cause one reading; later ones their own."""
    kernel = Recorded([row(netns) for netns in range(50)])
    table = table_of(kernel)
    with all_held([table]):
        assert [list(table.of(netns)) for netns in range(50)] == [[r] for r in kernel.rows]
        assert kernel.reads == 1
    kernel.rows = [row(7, count=2)]
    assert list(table.of(7)) == [row(7, count=2)]
    with all_held([table]):
        kernel.rows = [row(7, count=3)]
        assert list(table.of(7)) == [row(7, count=3)]


def test_failed_reading() -> None:
    """A reading that fails is not taken for an empty table: the next one to ask reads again."""
    kernel = Recorded([row(7)])
    table = table_of(kernel)
    with all_held([table]):
        kernel.fails = True
        with pytest.raises(SourceError, match="ENOMEM"):
            table.of(7)
        kernel.fails = False
        assert list(table.of(7)) == [row(7)]
