"""Random sockets for property tests: few addresses and ports, so that many share a pool."""

from ipaddress import IPv6Address, ip_address

from hypothesis import strategies as st

from tests.support.messages.datagrams import (
    CLOSE,
    CLOSE_WAIT,
    CLOSING,
    ESTABLISHED,
    FIN_WAIT1,
    FIN_WAIT2,
    LAST_ACK,
    SYN_RECV,
    SYN_SENT,
    TIME_WAIT,
    Entry,
)

STATES = (
    *(ESTABLISHED, SYN_SENT, SYN_RECV, FIN_WAIT1, FIN_WAIT2),
    *(CLOSE, CLOSE_WAIT, LAST_ACK, CLOSING),
    *[TIME_WAIT] * 9,
)
V4 = ("127.0.0.1", "127.9.9.9", "10.0.0.2", "10.0.0.3")
MAPPED = tuple(f"::ffff:{address}" for address in V4)
V6 = ("::1", "2001:db8::2", "2001:db8::3", "::2")
LOCAL_PORTS = range(40000, 40013)
QUEUES = st.sampled_from([0, 1, 2**32 - 1])


def sixteen_bytes(address: str) -> bytes:
    """Write an address in 16 bytes, IPv4 in its v4-mapped form (RFC 4291, section 2.5.5.2)."""
    parsed = ip_address(address)
    return (
        parsed.packed
        if isinstance(parsed, IPv6Address)
        else b"\0" * 10 + b"\xff" * 2 + parsed.packed
    )


@st.composite
def _entry(draw: st.DrawFn) -> Entry:
    addresses = draw(st.sampled_from([V4, MAPPED, V6]))
    state = draw(st.sampled_from(STATES))
    ages = st.sampled_from([0, 999, 1000, 1001, 59_000, 60_000]) | st.integers(0, 60_000)
    return Entry(
        state,
        draw(st.sampled_from(addresses)),
        draw(st.sampled_from(LOCAL_PORTS)),
        draw(st.sampled_from(addresses)),
        draw(st.sampled_from([80, 443, 50_000])),
        expires=60_000 - draw(ages) if state == TIME_WAIT else 0,
        interface=draw(st.sampled_from([0, 0, 1, 2])),
        timer=draw(st.sampled_from([0, 1, 2, 4])),
        retransmits=draw(st.sampled_from([0, 1, 2, 255])),
        rqueue=draw(QUEUES),
        wqueue=draw(QUEUES),
        inode=draw(st.integers(0, 2**32 - 1)),
    )


def four_tuple(entry: Entry) -> tuple[bytes, int, bytes, int]:
    """Return what no two sockets share, even if one is v4-mapped."""
    local, remote = sixteen_bytes(entry.local), sixteen_bytes(entry.remote)
    return local, entry.local_port, remote, entry.remote_port


def entries(max_size: int = 40) -> st.SearchStrategy[list[Entry]]:
    """Draw the sockets of a host."""
    return st.lists(_entry(), max_size=max_size, unique_by=four_tuple)


def port_sets() -> st.SearchStrategy[frozenset[int]]:
    """Draw some of the local ports."""
    return st.frozensets(st.sampled_from(LOCAL_PORTS))
