"""Sockets at ports that no connect() chose: in separate pools, or found to be accepted."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import port_set, ports_of
from tcp_pressure_exporter.facts.tally import MAX_PORT_PAIRS, NetworkPorts, RowRules
from tcp_pressure_exporter.sources.counting.accepted import PortPairs
from tests.sources.counting.counting import RANGE, key, rules, tally
from tests.support.fakes.tallies import counts
from tests.support.messages.datagrams import ESTABLISHED, TIME_WAIT, Entry
from tests.support.messages.socket_entries import sixteen_bytes

PROXY, BACKEND = "10.0.0.2", "10.0.0.9"
ABROAD = "203.0.113.80"
OWN = (
    NetworkPorts(sixteen_bytes("10.0.0.2"), 128),
    NetworkPorts(sixteen_bytes("127.0.0.0"), 96 + 8),
    NetworkPorts(sixteen_bytes("fd00::"), 64),
)


def connected(port: int, remote: str = BACKEND, remote_port: int = 80) -> Entry:
    return Entry(ESTABLISHED, PROXY, port, remote, remote_port)


def accepted(port: int, client_port: int, local: str = ABROAD) -> Entry:
    return Entry(ESTABLISHED, local, port, "198.51.100.7", client_port)


def test_source_range() -> None:
    """A proxy's ports outside the range are a separate pool, TIME_WAIT included."""
    found = [connected(20000 + i) for i in range(3)]
    found += [Entry(TIME_WAIT, PROXY, 20003, BACKEND, 80, expires=30_000), connected(40000)]
    counted = tally(found, rules())
    assert counts(counted.explicit) == {key(PROXY, BACKEND, 80): (4, 1, 0)}
    assert counts(counted.outbound) == {key(PROXY, BACKEND, 80): (1, 0, 0)}
    assert (counted.accepted, counts(counted.privileged)) == (0, {})


def test_privileged_ports() -> None:
    """Ports below 1024 are a separate kind, as RPC clients have few of them."""
    counted = tally([connected(port, remote_port=2049) for port in (665, 1023, 1024)], rules())
    assert counts(counted.privileged) == {key(PROXY, BACKEND, 2049): (2, 0, 0)}
    assert counts(counted.explicit) == {key(PROXY, BACKEND, 2049): (1, 0, 0)}


def test_known_source_inside_the_range() -> None:
    """A range configured for an application is a separate pool even inside the range."""
    by = replace(rules(), sources=[NetworkPorts(sixteen_bytes(PROXY), 128, 40005, 40009)])
    counted = tally([connected(port) for port in RANGE], by)
    assert counts(counted.explicit) == {key(PROXY, BACKEND, 80): (5, 0, 0)}
    assert counts(counted.outbound) == {key(PROXY, BACKEND, 80): (5, 0, 0)}
    [(_local, ports)] = counted.by_address.items()
    assert ports.held == port_set(RANGE)


def test_foreign_address() -> None:
    """If connections to other hosts arrive here, one at their address is not our connect()."""
    found = [accepted(40001, 50_000 + i) for i in range(9)] + [connected(40002)]
    plain = tally(found, rules())
    assert (len(plain.outbound.rows), plain.accepted) == (10, 0)
    by = replace(rules(), own=OWN)
    counted = tally(found, by)
    assert counts(counted.outbound) == {key(PROXY, BACKEND, 80): (1, 0, 0)}
    assert list(ports_of(counted.accepted)) == [40001]
    served = replace(rules(served=[40001]), own=OWN)
    assert counts(tally(found, served).inbound) == {key(ABROAD, "198.51.100.7", 40001): (9, 0, 0)}


def test_own_addresses() -> None:
    """An address is this host's if one of the networks has it, in either family."""
    locals_ = ["10.0.0.2", "10.0.0.3", "127.200.1.1", "fd00::99", "fd00:0:0:1::1"]
    found = [Entry(ESTABLISHED, local, 40000, "fd00::1" if ":" in local else BACKEND, 80)
             for local in locals_]  # fmt: skip
    counted = tally(found, replace(rules(), own=OWN))
    assert {end.address for end in counted.by_address} == {
        sixteen_bytes(local) for local in ("10.0.0.2", "127.200.1.1", "fd00::99")
    }


def ports_accepted_at(*pairs: tuple[int, int]) -> list[int]:
    found = PortPairs()
    for local, remote in pairs:
        found.add(local, remote)
    return list(ports_of(found.accepted()))


def test_who_shares_a_port() -> None:
    """The port that many sockets share is the service's, whatever its number."""
    clients = [(80, 1024 + 37 * i) for i in range(300)]  # TPROXY, from a balancer's low ports
    nfs = [(port, 2049) for port in range(665, 1024)]
    grpc = [(port, 50_051) for port in range(20_000, 20_100)]
    assert ports_accepted_at(*clients, *nfs, *grpc) == [80]


def test_a_single_connection() -> None:
    """If no port is shared, a dynamic port is the client's; otherwise the connection is our own."""
    assert ports_accepted_at((443, 51_000)) == [443]
    assert ports_accepted_at((700, 2049)) == []
    assert ports_accepted_at((20_000, 8080)) == []
    assert ports_accepted_at((61_000, 50_051)) == []


def test_several_backends_of_one_source_range() -> None:
    """A source range towards many backends with different ports is not taken for accepted."""
    pairs = [(20_000 + i % 10, 8001 + i) for i in range(40)]
    assert ports_accepted_at(*pairs) == []


def test_too_many_sockets() -> None:
    """Beyond a limit, further sockets do not influence the decision."""
    many = [(443, 40_000)] * MAX_PORT_PAIRS
    assert ports_accepted_at(*many, (8443, 50_000)) == [443]


@pytest.mark.parametrize("sockets", [8, 200, 3000, 20_000])
def test_many_ports(sockets: int) -> None:
    """However many ports are in use, both parsers find the services among them."""
    clients = [accepted(8080 + i % 4, 65_535 - i) for i in range(sockets // 2)]
    proxied = [connected(10_000 + i, remote_port=8001 + i % 3) for i in range(sockets // 2)]
    counted = tally(clients + proxied, rules())
    assert list(ports_of(counted.accepted)) == [8080, 8081, 8082, 8083]


PORTS = st.sampled_from([80, 443, 665, 700, 20_000, 39_999, 40_000, 40_003, 40_009, 61_000])
ADDRESSES = st.sampled_from([PROXY, "10.0.0.3", "127.0.0.1", "fd00::1", "2001:db8::1"])
ENTRIES = st.builds(
    lambda local, port, remote_port, state: Entry(
        state, local, port, "2001:db8::9" if ":" in local else BACKEND, remote_port
    ),
    ADDRESSES,
    PORTS,
    st.sampled_from([80, 2049, 8001, 32_767, 32_768, 50_000, 50_001]),
    st.sampled_from([ESTABLISHED, TIME_WAIT]),
)
SOURCES = st.lists(
    st.builds(
        NetworkPorts,
        ADDRESSES.map(sixteen_bytes),
        st.integers(0, 128),
        st.sampled_from([0, 20_000, 40_000]),
        st.sampled_from([20_000, 40_003, 65_535]),
    ),
    max_size=3,
)


@settings(deadline=None)
@given(st.lists(ENTRIES, max_size=60), st.sets(PORTS), st.sampled_from([(), OWN]), SOURCES)
def test_each_counts_once(
    found: list[Entry],
    served: set[int],
    own: Sequence[NetworkPorts],
    sources: list[NetworkPorts],
) -> None:
    """Whatever the rules, both parsers agree, and each socket counts in one pool."""
    by = replace(
        rules(served=served),
        own=own,
        sources=sources,
        privileged_rows=RowRules(max_rows=1),
    )
    counted = tally(found, by)
    pools = (counted.outbound, counted.inbound, counted.privileged, counted.explicit)
    total = sum(one.others.ports + sum(row.ports for row in one.rows.values()) for one in pools)
    assert total == len(found)
    assert not counted.accepted & port_set(served)
