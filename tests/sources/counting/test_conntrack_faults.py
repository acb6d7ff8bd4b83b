"""Damaged conntrack dumps: both parsers refuse them in the same words, or count the same."""

import socket
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.outcome import SourceError
from tests.sources.counting.counting import key
from tests.sources.counting.nat_counting import tally_datagrams, tally_entries
from tests.support.fakes.tallies import counts
from tests.support.messages.conntrack_messages import (
    ADDRESSES,
    DESTINATION_PORT,
    NEW_ENTRY,
    NUMBER,
    PROTOCOL,
    PROTOCOL_INFO,
    REPLY,
    SOURCE_PORT,
    SRC_NAT,
    STATUS,
    TCP_INFO,
    TCP_STATE,
    TIME_WAIT,
    TUPLE_ZONE,
    ZONE,
    Connection,
    conntrack_tuple,
    dump_of_entries,
    entry,
    nested,
    protocol_info,
    status,
    with_header,
)
from tests.support.messages.datagrams import (
    DUMP_INTR,
    GETSOCK,
    OVERRUN,
    attribute,
    done,
    error,
    message,
)

OUTSIDE, SERVER = "198.51.100.1", ("203.0.113.9", 443)
POOL = key(OUTSIDE, "203.0.113.9", 443)
FLOW = Connection(("10.0.0.7", 50_000), SERVER, (OUTSIDE, 40_000))


def reason(*entries: bytes) -> str:
    """Return what the SourceError says that these entries must cause in both parsers."""
    with pytest.raises(SourceError) as caught:
        tally_entries(entries)
    return str(caught.value)


TUPLE_OF_REPLY = conntrack_tuple(REPLY, SERVER, (OUTSIDE, 40_000), socket.IPPROTO_TCP)
IP4 = nested(ADDRESSES, attribute(1, b"\xcb\0\x71\t"), attribute(2, b"\xc6\x33\x64\1"))
PORTS = [attribute(SOURCE_PORT, b"\1\xbb"), attribute(DESTINATION_PORT, b"\x9c\x40")]
TCP = attribute(NUMBER, bytes([socket.IPPROTO_TCP]))


def reply(*attributes: bytes) -> bytes:
    return with_header(status(SRC_NAT), nested(REPLY, *attributes))


@pytest.mark.parametrize(
    ("malformed", "text"),
    [
        (b"", "an entry without attribute 3"),
        (b"\2\0\0", "an entry without attribute 3"),
        (with_header(), "an entry without attribute 3"),
        (with_header(TUPLE_OF_REPLY), "an entry without attribute 3"),
        (with_header(attribute(STATUS, b"\0\x10")), "attribute 3 has 2 bytes, not 4"),
        (with_header(status(SRC_NAT)), "an entry without attribute 2"),
        (reply(), "an entry without attribute 2"),
        (reply(IP4), "an entry without attribute 2"),
        (reply(IP4, nested(PROTOCOL)), "an entry without attribute 1"),
        (reply(IP4, nested(PROTOCOL, attribute(NUMBER, b""))), "attribute 1 has 0 bytes, not 1"),
        (reply(nested(PROTOCOL, TCP, *PORTS)), "an entry without attribute 1"),
        (reply(nested(PROTOCOL, TCP, *PORTS), nested(ADDRESSES)), "an entry without attribute 4"),
        (
            reply(nested(PROTOCOL, TCP, *PORTS), nested(ADDRESSES, attribute(2, b"\1\2\3\4"))),
            "an entry without attribute 3",
        ),
        (
            reply(nested(PROTOCOL, TCP, *PORTS), nested(ADDRESSES, attribute(2, b"\1\2\3"))),
            "attribute 2 has 3 bytes, not 4",
        ),
        (
            reply(nested(PROTOCOL, TCP, *PORTS), nested(ADDRESSES, attribute(4, bytes(17)))),
            "attribute 4 has 17 bytes, not 16",
        ),
        (reply(IP4, nested(PROTOCOL, TCP)), "an entry without attribute 2"),
        (
            reply(IP4, nested(PROTOCOL, TCP, attribute(SOURCE_PORT, b"\1"))),
            "attribute 2 has 1 bytes, not 2",
        ),
        (
            with_header(TUPLE_OF_REPLY, status(SRC_NAT), nested(PROTOCOL_INFO)),
            "an entry without attribute 1",
        ),
        (
            with_header(TUPLE_OF_REPLY, status(SRC_NAT), nested(PROTOCOL_INFO, nested(TCP_INFO))),
            "an entry without attribute 1",
        ),
        (
            with_header(
                *(TUPLE_OF_REPLY, status(SRC_NAT)),
                nested(PROTOCOL_INFO, nested(TCP_INFO, attribute(TCP_STATE, b"\0\0\0\7"))),
            ),
            "attribute 1 has 4 bytes, not 1",
        ),
        (
            with_header(TUPLE_OF_REPLY, status(SRC_NAT), attribute(ZONE, b"\5")),
            "attribute 18 has 1 bytes, not 2",
        ),
        (
            reply(IP4, nested(PROTOCOL, TCP, *PORTS), attribute(TUPLE_ZONE, b"\0\0\0\5")),
            "attribute 3 has 4 bytes, not 2",
        ),
        (with_header(b"\3\0\3\0"), "attribute length 3, 4 bytes left"),
        (with_header(status(SRC_NAT), b"\x09\0\2\0\0\0\0\0"), "attribute length 9, 8 bytes left"),
        (with_header(b"\xff\xff\3\0"), "attribute length 65535, 4 bytes left"),
        (reply(b"\0\0\0\0"), "attribute length 0, 4 bytes left"),
    ],
)
def test_malformed(malformed: bytes, text: str) -> None:
    """An entry that lacks a required attribute, or has a wrong length, is a SourceError."""
    assert reason(malformed) == f"ctnetlink message: {text}"
    assert reason(entry(FLOW), malformed) == f"ctnetlink message: {text}"


def test_untranslated_and_malformed() -> None:
    """For an entry that does not count, only the attributes that show so are examined."""
    assert (
        counts(tally_entries([with_header(status(0)), reply(nested(PROTOCOL, b""), TCP)][:1])) == {}
    )
    udp = nested(PROTOCOL, attribute(NUMBER, b"\x11"))
    assert counts(tally_entries([reply(udp)])) == {}


def test_padding_left_over() -> None:
    """Up to three bytes after the last attribute are not an attribute."""
    assert counts(tally_entries([entry(FLOW) + b"\xff\xff\xff"])) == {POOL: (1, 0, 0)}


@pytest.mark.parametrize(
    ("datagrams", "text"),
    [
        ([], "netlink dump: the answer ended before NLMSG_DONE"),
        ([error(1)], "netlink dump: EPERM: Operation not permitted"),
        ([error(16)], "netlink dump: EBUSY: Device or resource busy"),
        ([message(OVERRUN)], "netlink dump: NLMSG_OVERRUN: data lost"),
        (
            [message(NEW_ENTRY, entry(FLOW), flags=DUMP_INTR), done()],
            "netlink dump: interrupted: the table changed meanwhile",
        ),
        ([message(NEW_ENTRY, entry(FLOW))[:-4]], "netlink message: length"),
        ([done(code=-12)], "netlink dump: ENOMEM: Cannot allocate memory"),
    ],
)
def test_faults_of_netlink(datagrams: list[bytes], text: str) -> None:
    """A bad end of a dump is a SourceError, so that no part is taken for the whole."""
    with pytest.raises(SourceError) as caught:
        tally_datagrams(datagrams)
    assert str(caught.value).startswith(text)


def test_messages_of_others() -> None:
    """Messages of another type, or of another request, do not count."""
    foreign = message(NEW_ENTRY, entry(FLOW), sequence=8)
    sockets = message(GETSOCK, entry(FLOW))
    deleted = message(NEW_ENTRY + 2, entry(FLOW))  # IPCTNL_MSG_CT_DELETE
    datagrams = [foreign + sockets, deleted, *dump_of_entries([entry(FLOW)])]
    assert counts(tally_datagrams(datagrams)) == {POOL: (1, 0, 0)}


KINDS = st.sampled_from([0, 1, 2, 3, 4, 5, 26, 0x3FFF])
VALUES = st.sampled_from([b"", b"\6", b"\7", b"\1\xbb", b"\0\0\0\x10", bytes(16)]) | st.binary(
    max_size=20
)
ATTRIBUTES = st.recursive(
    st.builds(attribute, KINDS, VALUES),
    lambda inner: st.builds(
        lambda kind, parts: nested(kind, *parts), KINDS, st.lists(inner, max_size=4)
    ),
    max_leaves=12,
)
WELL_FORMED = [
    TUPLE_OF_REPLY,
    status(SRC_NAT),
    protocol_info(TIME_WAIT),
    conntrack_tuple(REPLY, ("2001:db8:9::9", 443), ("2001:db8::1", 4), socket.IPPROTO_TCP),
]


@given(st.lists(st.sampled_from(WELL_FORMED) | ATTRIBUTES, max_size=8))
def test_any_attributes(attributes: list[bytes]) -> None:
    """Missing, strange and repeated attributes: both parsers count the same, or refuse the same."""
    try:
        counted = tally_entries([with_header(*attributes)])
    except SourceError:
        return
    assert sum(row.ports for row in counted.rows.values()) <= 1


@given(st.lists(st.binary(max_size=60), max_size=5))
def test_any_bytes(payloads: list[bytes]) -> None:
    """Any bytes in place of entries give pools or a SourceError, the same from both parsers."""
    with suppress(SourceError):
        tally_entries(payloads)
