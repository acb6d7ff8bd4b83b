"""The calls to bpf(2), as the compiled part makes them: any sizes, any descriptors, no memory."""

import os
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.sources.bpf import _bpf
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, load
from tests.sources.counting.extension import BPF
from tests.sources.counting.test_allocations import Shim, build_shim

pytestmark = pytest.mark.bpf
KEY, COUNT = 72, 8  # struct failure of programs/port_failures.h, and its count
ROWS = 4096


@pytest.fixture(scope="module")
def loaded() -> Iterator[BpfObject]:
    """Load the object that has hashes and arrays; nothing is attached."""
    with closing(load("port_failures")) as found:
        yield found


@pytest.fixture(scope="module")
def descriptors(loaded: BpfObject) -> dict[str, int]:
    """Return the descriptors by name."""
    return dict(loaded._descriptors)  # noqa: SLF001 - the calls take descriptors


def test_right_sizes(descriptors: dict[str, int]) -> None:
    """With its map's sizes, each call does what it says."""
    failures, lost = descriptors["failures"], descriptors["lost"]
    key = bytes(range(KEY))
    _bpf.update(failures, key, b"\1" * COUNT)
    assert _bpf.look_up(failures, key, COUNT) == b"\1" * COUNT
    assert _bpf.entries(failures, KEY, COUNT, ROWS) == [(key, b"\1" * COUNT)]
    assert _bpf.look_up(lost, bytes(4), COUNT) == bytes(COUNT)
    _bpf.delete_entries(failures, key, KEY)
    assert _bpf.entries(failures, KEY, COUNT, ROWS) == []


@pytest.mark.parametrize(
    ("key_size", "value_size", "most"),
    [
        *((KEY - 1, COUNT, 1), (KEY + 1, COUNT, 1), (KEY, COUNT - 1, 1), (KEY, COUNT + 1, 1)),
        *((0, 0, 0), (KEY, COUNT, ROWS + 1), (2**32 - 1, 2**32 - 1, 2**32 - 1)),
    ],
)
def test_wrong_sizes(
    key_size: int, value_size: int, most: int, descriptors: dict[str, int]
) -> None:
    """Other sizes are refused before the kernel could write beyond the end of anything."""
    failures = descriptors["failures"]
    with pytest.raises(OSError, match="Invalid argument"):
        _bpf.entries(failures, key_size, value_size, most)
    if most == 1:
        with pytest.raises(OSError, match="Invalid argument"):
            _bpf.look_up(failures, bytes(key_size), value_size)
        with pytest.raises(OSError, match="Invalid argument"):
            _bpf.update(failures, bytes(key_size), bytes(value_size))


numbers = st.integers(-(2**31), 2**31 - 1)
sizes = st.integers(0, 200) | st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("key_size", [1, KEY - 1, KEY + 1, 2 * KEY])
def test_deleting_by_other_keys(key_size: int, descriptors: dict[str, int]) -> None:
    """Keys of a different size from the map's are refused, too, and so are partial keys."""
    with pytest.raises(OSError, match="Invalid argument"):
        _bpf.delete_entries(descriptors["failures"], bytes(key_size), key_size)
    with pytest.raises(ValueError, match="no keys of that size"):
        _bpf.delete_entries(descriptors["failures"], bytes(KEY + 1), KEY)


@given(data=st.data())
def test_anything(data: st.DataObject, descriptors: dict[str, int]) -> None:
    """Whatever a call is given, it answers or raises OSError."""
    of_ours = st.sampled_from(sorted(descriptors.values()))
    at = data.draw(of_ours | numbers.filter(lambda number: number not in range(3, 1024)))
    with suppress(OSError):
        _bpf.look_up(at, data.draw(st.binary(max_size=100)), data.draw(st.integers(0, 10_000)))
    with suppress(OSError):
        _bpf.update(at, data.draw(st.binary(max_size=100)), data.draw(st.binary(max_size=100)))
    with suppress(OSError):
        _bpf.entries(at, data.draw(sizes), data.draw(sizes), data.draw(sizes))
    with suppress(OSError, ValueError):
        keys = data.draw(st.binary(max_size=100))
        _bpf.delete_entries(at, keys, data.draw(st.integers(-1, 100)))
    with suppress(OSError):
        _bpf.run(at)
    if at not in descriptors.values():
        with suppress(OSError):
            _bpf.attach(at)


@given(st.text(st.characters(exclude_characters="\0")))
def test_any_name(name: str) -> None:
    """A name that no object has is no object."""
    with pytest.raises((LookupError, UnicodeEncodeError)):
        _bpf.load(f"no {name}")


QUESTIONS: dict[str, Callable[[Any, dict[str, int]], object]] = {
    "load": lambda module, _at: close_all(module.load("bind_hash")),
    "look_up": lambda module, at: module.look_up(at["lost"], bytes(4), COUNT),
    "entries": lambda module, at: module.entries(at["failures"], KEY, COUNT, ROWS),
}


def close_all(descriptors: dict[str, int]) -> int:
    for descriptor in descriptors.values():
        os.close(descriptor)
    return len(descriptors)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Shim:
    return build_shim(tmp_path_factory.mktemp("extension"), "_bpf", BPF)


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_allocation(question: str, shim: Shim, descriptors: dict[str, int]) -> None:
    """Whichever allocation fails, the call fails for lack of memory and leaves nothing behind."""
    _bpf.update(descriptors["failures"], bytes(KEY), bytes(COUNT))
    ask, before = QUESTIONS[question], open_descriptors()
    shim.calls.value = shim.calls_until_failure.value = 0
    whole = ask(shim.module, descriptors)
    assert shim.calls.value > 0
    for number in range(1, shim.calls.value + 1):
        shim.calls.value, shim.calls_until_failure.value = 0, number
        with pytest.raises(MemoryError):
            ask(shim.module, descriptors)
        assert shim.blocks.value == 0
        assert open_descriptors() == before
    shim.calls_until_failure.value = 0
    assert ask(shim.module, descriptors) == whole


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
