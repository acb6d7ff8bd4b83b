"""The tally of sockets that own a port: both counters agree, and everything is bounded."""

import struct
from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.bound import (
    MAX_ADDRESS_PORTS,
    MAX_BOUND_ADDRESSES,
    MAX_KEPT_IN_RANGE,
    MAX_KEPT_OUTSIDE,
    MAX_QUEUES,
    BoundRules,
    QueueKey,
)
from tcp_pressure_exporter.facts.ports import port_set
from tests.sources.counting.bound_counting import bound, bound_entries
from tests.support.messages.datagrams import (
    CLOSE,
    GETSOCK,
    LISTEN,
    Entry,
    attribute,
    diag_message,
    done,
    message,
    packed,
)
from tests.support.messages.socket_entries import sixteen_bytes

SKV6ONLY, CGROUP_ID, SOCKOPT = 11, 21, 22  # INET_DIAG_* in include/uapi/linux/inet_diag.h
# struct inet_diag_sockopt begins with recverr, is_icsk, freebind, hdrincl, mc_loop, transparent.
TRANSPARENT, ALL_OTHERS = b"\x20\0", b"\xdf\xff"


def addresses(count: int) -> list[str]:
    return [f"127.{1 + i // 65536}.{i // 256 % 256}.{i % 256}" for i in range(count)]


def test_listeners_and_ports() -> None:
    """Listeners count by family; ports are distinguished by what holds them."""
    found = bound_entries(
        [
            Entry(LISTEN, "0.0.0.0", 80),
            Entry(LISTEN, "::ffff:10.0.0.2", 80),
            Entry(LISTEN, "::", 443),
            Entry(CLOSE, "10.0.0.2", 45000),
        ]
    )
    assert found.listeners == {True: 2, False: 1}
    assert found.listening == port_set([80, 443])
    assert found.bound_only == port_set([45000])
    assert found.owned == port_set([80, 443, 45000])


@pytest.mark.parametrize(
    ("address", "excluded"),
    [
        ("10.0.0.2", {80, 8080, 45000}),
        ("10.0.0.3", {80, 8080}),
        ("2001:db8::1", {8080, 8443}),
    ],
)
def test_excluding(address: str, excluded: set[int]) -> None:
    """A socket excludes its own address or, as a wildcard, the families that it covers."""
    found = bound_entries(
        [
            Entry(LISTEN, "0.0.0.0", 80),
            Entry(LISTEN, "::", 8080),
            Entry(LISTEN, "::", 8443, attributes=attribute(SKV6ONLY, b"\1")),
            Entry(CLOSE, "10.0.0.2", 45000),
        ]
    )
    assert found.excluding(sixteen_bytes(address)) == port_set(excluded)


@pytest.mark.parametrize(
    ("state", "value", "expected"),
    [(LISTEN, TRANSPARENT, True), (LISTEN, ALL_OTHERS, False), (LISTEN, b"", False),
     (CLOSE, TRANSPARENT, False)],
)  # fmt: skip
def test_transparent(state: int, value: bytes, *, expected: bool) -> None:
    """IP_TRANSPARENT is one bit of the socket's options; on a listener it indicates TPROXY."""
    options = Entry(state, "0.0.0.0", 80, attributes=attribute(SOCKOPT, value))
    found = bound_entries([Entry(LISTEN, "0.0.0.0", 81), options])
    assert found.transparent is expected


def test_queues_of_devices() -> None:
    """The same address and port of two devices are two queues."""
    found = bound_entries(
        [
            Entry(LISTEN, "0.0.0.0", 80, interface=index, rqueue=index, wqueue=9)
            for index in (0, 2, 3)
        ]
    )
    any_address = sixteen_bytes("0.0.0.0")
    keys = [
        QueueKey(any_address, 80, 0),
        QueueKey(any_address, 80, 2),
        QueueKey(any_address, 80, 3),
    ]
    assert [queue.key for queue in found.queues] == keys
    assert [queue.used for queue in found.queues] == [0, 2, 3]


def test_fullest_queues() -> None:
    """If there are too many queues, the fullest are reported, and the watched ones."""
    count = MAX_QUEUES + 50
    entries = [Entry(LISTEN, "10.0.0.2", 1000 + i, rqueue=i * 7 % count, wqueue=count)
               for i in range(count)]  # fmt: skip
    watched = [QueueKey(sixteen_bytes("10.0.0.2"), port) for port in (1000, 1001, 9999)]
    found = bound_entries(entries, BoundRules(watched=watched))
    used = sorted((queue.used for queue in found.queues), reverse=True)
    assert used == [*range(count - 1, count - MAX_QUEUES - 1, -1), 7, 0]
    assert found.listeners[True] == count


def test_rising_queues() -> None:
    """A queue that came early and empty goes, and returns with a fuller socket."""
    many = [Entry(LISTEN, "10.0.0.2", 1000 + i, rqueue=5, wqueue=10) for i in range(MAX_QUEUES)]
    first = Entry(LISTEN, "10.0.0.3", 80, rqueue=1, wqueue=10)
    again = Entry(LISTEN, "10.0.0.3", 80, rqueue=9, wqueue=10)
    key = QueueKey(sixteen_bytes("10.0.0.3"), 80)
    assert key not in {queue.key for queue in bound_entries([first, *many]).queues}
    assert bound_entries([first, *many, again]).queues[-1].key == key


def test_kept_sockets() -> None:
    """Sockets at usable ports are kept before others; what is not kept is counted."""
    entries = [Entry(LISTEN, "10.0.0.2", 100 + i) for i in range(MAX_KEPT_OUTSIDE + 2)]
    inside = Entry(LISTEN, "10.0.0.2", 40000, interface=7)
    found = bound_entries([*entries, inside], BoundRules(usable=port_set([40000])))
    assert (len(found.kept), found.kept_overflow) == (MAX_KEPT_OUTSIDE + 1, 2)
    *_, last = found.kept
    assert (last.port, last.scope) == (40000, 7)


def test_flood_of_sockets_in_range() -> None:
    """Those at usable ports have a limit too."""
    entries = [Entry(CLOSE, "10.0.0.2", 1024 + i) for i in range(MAX_KEPT_IN_RANGE + 3)]
    found = bound_entries(entries, BoundRules(usable=(1 << 65536) - 1))
    assert (len(found.kept), found.kept_overflow) == (MAX_KEPT_IN_RANGE, 3)


def test_flood_of_addresses() -> None:
    """Ports of excess addresses count for every address: too high, and reported as such."""
    entries = [Entry(LISTEN, address, 80) for address in addresses(MAX_BOUND_ADDRESSES)]
    entries += [Entry(LISTEN, "10.9.9.9", 8080), entries[0]]
    found = bound_entries(entries)
    assert (len(found.by_address), found.overflow) == (MAX_BOUND_ADDRESSES, 1)
    assert found.excluding(sixteen_bytes("10.0.0.2")) == port_set([8080])
    assert found.listening == port_set([80, 8080])


def test_flood_of_address_ports() -> None:
    """So do those of excess pairs, and a known one stays known."""
    template = message(GETSOCK, diag_message(Entry(LISTEN, "127.0.0.1", 80)))
    assert template[20:22] == (80).to_bytes(2)
    assert template[24:28] == bytes([127, 0, 0, 1])
    messages = [
        template[:20] + port.to_bytes(2) + template[22:27] + bytes([last]) + template[28:]
        for last in range(5)
        for port in range(1, 65_001)
    ]
    last = MAX_ADDRESS_PORTS
    found = bound(packed([*messages[: last + 1], messages[0], done()], 200))
    assert found.overflow == 1
    assert sum(map(len, found.by_address.values())) == 2 * MAX_ADDRESS_PORTS  # two bytes each
    assert found.anywhere == port_set([last % 65_000 + 1])


ENTRIES = st.lists(
    st.builds(
        Entry,
        st.sampled_from([LISTEN, CLOSE]),
        st.sampled_from(["0.0.0.0", "::", "::1", "10.0.0.2", "::ffff:10.0.0.2", "127.0.0.1"]),
        st.sampled_from([0, 22, 80, 443, 40001, 65535]),
        interface=st.sampled_from([0, 1, 2**32 - 1]),
        rqueue=st.integers(0, 9),
        wqueue=st.sampled_from([0, 1, 4, 2**32 - 1]),
        inode=st.integers(0, 2**32 - 1),
        attributes=st.sampled_from(
            [
                b"",
                attribute(SKV6ONLY, b"\1"),
                attribute(CGROUP_ID, struct.pack("=Q", 2**63)),
                attribute(CGROUP_ID, b"\1"),
                attribute(SOCKOPT, TRANSPARENT) + attribute(CGROUP_ID, bytes(8)),
            ]
        ),
    )
)


@given(ENTRIES, st.sets(st.sampled_from([22, 40001])))
def test_any_sockets(entries: list[Entry], usable: set[int]) -> None:
    """For any sockets both counters agree, and each number is the size of a set of sockets."""
    found = bound_entries(entries, BoundRules(port_set(usable)))
    there = [entry for entry in entries if entry.local_port]
    listening = [entry for entry in there if entry.state == LISTEN]
    assert sum(found.listeners.values()) == len(listening)
    assert found.owned == port_set(entry.local_port for entry in there)
    assert len(found.kept) == len(there)
    by_address = defaultdict(set)
    for entry in there:
        by_address[sixteen_bytes(entry.local)].add(entry.local_port)
    assert {a: found.at(a) for a in found.by_address} == {
        a: port_set(ports) for a, ports in by_address.items()
    }
    assert len(found.queues) == len(
        {(sixteen_bytes(e.local), e.local_port, e.interface) for e in listening}
    )
