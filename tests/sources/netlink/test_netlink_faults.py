"""Damaged dumps: whatever is wrong, there is an answer or a SourceError, never anything else."""

from collections.abc import Sequence

from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads
from tests.sources.counting.faults import Fault, faults, with_fault
from tests.sources.counting.recordings import recorded_datagrams
from tests.support.messages.datagrams import (
    DONE,
    DUMP_INTR,
    ERROR,
    GETSOCK,
    MULTI,
    NOOP,
    OVERRUN,
    SEQUENCE,
    done,
    message,
    packed,
)

DUMP = message(GETSOCK, b"aaaa") + message(GETSOCK, b"bbbbbb") + done()
KINDS = st.sampled_from([NOOP, ERROR, DONE, OVERRUN, GETSOCK, 99])
MESSAGES = st.builds(
    message,
    KINDS,
    st.binary(max_size=12),
    sequence=st.sampled_from([SEQUENCE, SEQUENCE, SEQUENCE, 0]),
    flags=st.sampled_from([MULTI, MULTI, MULTI, DUMP_INTR]),
)


def outcome(datagrams: Sequence[bytes]) -> list[bytes] | str:
    """Return the payloads, or the text of the SourceError; nothing else may be raised."""
    try:
        return [bytes(payload) for payload in dump_payloads(datagrams, GETSOCK, SEQUENCE)]
    except SourceError as caught:
        return str(caught)


@given(st.lists(st.binary(max_size=80)))
def test_random_bytes(datagrams: list[bytes]) -> None:
    """Any bytes give payloads or a SourceError."""
    outcome(datagrams)


@given(st.lists(MESSAGES, max_size=8), st.data())
def test_damaged_messages(messages: list[bytes], data: st.DataObject) -> None:
    """Messages with a few bytes changed or cut off give payloads or a SourceError."""
    stream = bytearray(b"".join([*messages, done()]))
    for _ in range(data.draw(st.integers(0, 3))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    outcome([bytes(stream[: data.draw(st.integers(0, len(stream)))])])


def test_every_flip_of_one_bit() -> None:
    """Whichever single bit of a dump is wrong, it gives payloads or a SourceError."""
    for bit in range(len(DUMP) * 8):
        flipped = bytearray(DUMP)
        flipped[bit >> 3] ^= 1 << (bit & 7)
        outcome([bytes(flipped)])


def test_every_truncation() -> None:
    """A dump cut off anywhere before its end is a SourceError."""
    for size in range(len(DUMP)):
        assert isinstance(outcome([DUMP[:size]]), str)


@given(st.lists(MESSAGES, max_size=12), st.integers(1, 13), st.integers(1, 13))
def test_division_into_datagrams(messages: list[bytes], one: int, other: int) -> None:
    """It makes no difference how the kernel divides the same messages into datagrams."""
    whole = [*messages, done()]
    assert outcome(packed(whole, one)) == outcome(packed(whole, other))


@settings(deadline=None)  # the first example reads the recording
@given(faults("main"))
def test_damaged_recording(fault: Fault) -> None:
    """A recorded dump with one bit flipped, or cut short, gives payloads or a SourceError."""
    outcome(with_fault("main", fault))


def test_recording() -> None:
    """The recorded dumps have as many entries as `ss` showed sockets (see recorded/README.md)."""
    assert len(outcome(recorded_datagrams("main"))) == 270
    assert len(outcome(recorded_datagrams("bound"))) == 7 + 3
