import errno
import os
import struct
from collections.abc import Sequence

import pytest

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads, encode_dump_request
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
    error,
    message,
)

A, B = message(GETSOCK, b"aaaa"), message(GETSOCK, b"bbbbbb")


def payloads(datagrams: Sequence[bytes]) -> list[bytes]:
    return [bytes(payload) for payload in dump_payloads(datagrams, GETSOCK, SEQUENCE)]


def reason(datagrams: Sequence[bytes]) -> str:
    """Return the text of the SourceError that the datagrams must cause."""
    with pytest.raises(SourceError) as caught:
        payloads(datagrams)
    return str(caught.value)


def test_request() -> None:
    """A dump request is a header with NLM_F_REQUEST | NLM_F_DUMP, then the body."""
    assert encode_dump_request(18, b"body", 5) == (
        struct.pack("=I", 20) + struct.pack("=H", 18) + struct.pack("=H", 0x301)
        + struct.pack("=I", 5) + struct.pack("=I", 0) + b"body"
    )  # fmt: skip


@pytest.mark.parametrize(
    "datagrams",
    [
        [A, B, done()],
        [A + B, done()],
        [A, B + done()],
        [A + B + done()],
    ],
)
def test_end_of_dump(datagrams: list[bytes]) -> None:
    """NLMSG_DONE ends a dump, alone in a datagram or glued to the last entries."""
    assert payloads(datagrams) == [b"aaaa", b"bbbbbb"]


def test_empty_dump() -> None:
    """A dump without an entry is NLMSG_DONE alone."""
    assert payloads([done()]) == []


def test_done_without_a_code() -> None:
    """An NLMSG_DONE without a code, as from old kernels, ends a dump successfully."""
    assert payloads([A + message(DONE)]) == [b"aaaa"]


@pytest.mark.parametrize("number", [errno.EBUSY, errno.EPERM, errno.ENOENT])
def test_error(number: int) -> None:
    """NLMSG_ERROR gives a SourceError that names the errno."""
    expected = f"netlink dump: {errno.errorcode[number]}: {os.strerror(number)}"
    assert reason([error(number)]) == expected


def test_negative_done() -> None:
    """An NLMSG_DONE with a negative code is an error: the kernel aborted the dump."""
    assert reason([A + done(code=-errno.ENOMEM)]) == "netlink dump: ENOMEM: Cannot allocate memory"


@pytest.mark.parametrize("kind", [DONE, ERROR])
@pytest.mark.parametrize("code", [-(2**31), 1 - 2**31, -5000])
def test_code_that_is_no_errno(kind: int, code: int) -> None:
    """A code that no errno has is an error like any other, up to the lowest 32-bit number."""
    assert str(code) in reason([message(kind, struct.pack("=i", code))])


@pytest.mark.parametrize("code", [0, 11])
def test_acknowledgement(code: int) -> None:
    """An NLMSG_ERROR whose code is not an errno was not requested and is not a whole dump."""
    assert reason([A, message(ERROR, struct.pack("=i", code))]).startswith("netlink dump: ")


@pytest.mark.parametrize("kind", [DONE, ERROR])
@pytest.mark.parametrize("size", [1, 2, 3])
def test_ending_with_half_a_code(kind: int, size: int) -> None:
    """An ending whose code is cut short is an error."""
    assert f"an ending of {size} bytes" in reason([message(kind, bytes(size))])


def test_error_without_a_code() -> None:
    """An NLMSG_ERROR always carries a code; without one it is not a good end."""
    assert "an ending of 0 bytes" in reason([A, message(ERROR)])


@pytest.mark.parametrize("ending", [[], [done()]])
def test_overrun(ending: list[bytes]) -> None:
    """NLMSG_OVERRUN is an error, even if an NLMSG_DONE follows."""
    assert "NLMSG_OVERRUN" in reason([A, message(OVERRUN), *ending])


@pytest.mark.parametrize(
    "datagrams",
    [
        [message(GETSOCK, b"aaaa", flags=MULTI | DUMP_INTR), done()],
        [A, message(DONE, bytes(4), flags=MULTI | DUMP_INTR)],
    ],
)
def test_interrupted(datagrams: list[bytes]) -> None:
    """NLM_F_DUMP_INTR on any message of the dump is an error: the table changed under it."""
    assert "interrupted" in reason(datagrams)


def test_foreign_sequence_numbers() -> None:
    """Messages of another request are not part of the dump, whatever they say."""
    foreign = [
        message(GETSOCK, b"old", sequence=SEQUENCE - 1),
        done(SEQUENCE - 1),
        error(errno.EBUSY, SEQUENCE - 1),
        message(OVERRUN, sequence=SEQUENCE - 1),
        message(GETSOCK, b"old", sequence=SEQUENCE - 1, flags=DUMP_INTR),
    ]
    assert payloads([*foreign, A + b"".join(foreign) + B, done()]) == [b"aaaa", b"bbbbbb"]


def test_noop_and_unknown_types() -> None:
    """NLMSG_NOOP and unknown message types are skipped."""
    assert payloads([message(NOOP), A, message(99, b"?") + B, done()]) == [b"aaaa", b"bbbbbb"]


@pytest.mark.parametrize("datagrams", [[], [b""], [A], [A, b"", B], [done(SEQUENCE + 1)]])
def test_no_end(datagrams: list[bytes]) -> None:
    """Datagrams that stop before NLMSG_DONE are an error, not a short dump."""
    assert reason(datagrams) == "netlink dump: the answer ended before NLMSG_DONE"


def test_empty_datagram() -> None:
    """An empty datagram inside a dump says nothing."""
    assert payloads([A, b"", done()]) == [b"aaaa"]


@pytest.mark.parametrize("size", [1, 15])
def test_cut_header(size: int) -> None:
    """A datagram that ends inside a header is an error."""
    assert f"{size} bytes left" in reason([A + done()[:size]])


@pytest.mark.parametrize("length", [0, 1, 15, 21, 2**32 - 1])
def test_wrong_length(length: int) -> None:
    """A length below that of the header or beyond the datagram is an error."""
    assert f"length {length} " in reason([struct.pack("=I", length) + A[4:], done()])


def test_missing_padding_at_the_end() -> None:
    """The last message of a datagram may come without its padding."""
    assert payloads([B.rstrip(b"\0"), done()]) == [b"bbbbbb"]


@pytest.mark.parametrize("rest", [b"\x01", B, error(errno.EBUSY), b"\xff" * 16])
def test_data_after_done(rest: bytes) -> None:
    """Nothing after NLMSG_DONE is read, in its datagram or later."""
    assert payloads([A + done() + rest, rest]) == [b"aaaa"]


def test_nothing_is_received_after_done() -> None:
    """No datagram is taken after NLMSG_DONE: waiting for one would never end."""
    datagrams = iter([A, done(), B])
    assert len(list(dump_payloads(datagrams, GETSOCK, SEQUENCE))) == 1
    assert list(datagrams) == [B]
