"""Random hosts, counted by the tally and by the kernel's formula over Python sets."""

from collections import Counter, defaultdict
from typing import NamedTuple

from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import port_set, ports_of
from tcp_pressure_exporter.facts.tally import LocalAddress, PoolKey, SocketTally
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tests.sources.counting.counting import key, rules, tally
from tests.support.fakes.tallies import counts
from tests.support.messages.datagrams import TIME_WAIT, Entry
from tests.support.messages.socket_entries import entries, port_sets, sixteen_bytes


class Host(NamedTuple):
    """The sockets of a host and what its settings say."""

    found: list[Entry]
    usable: frozenset[int]
    bound: frozenset[int]
    served: frozenset[int]
    reuse_mode: int
    timestamps: int
    delay_ms: int

    @property
    def owned(self) -> frozenset[int]:
        return self.usable & (self.bound | self.served)

    @property
    def tally(self) -> SocketTally:
        reuse = TimeWaitReuse(
            everywhere=self.reuse_mode == 1 and self.timestamps == 1,
            on_loopback=self.reuse_mode in {1, 2} and self.timestamps == 1,
            delay_ms=self.delay_ms,
        )
        return tally(self.found, rules(self.usable, self.bound, self.served, reuse))

    def reusable(self, entry: Entry) -> bool:
        """Tell whether a connect() may take over the entry, by the kernel's formula."""
        loopback = is_loopback(entry.local) or is_loopback(entry.remote) or entry.interface == 1
        allowed = self.reuse_mode == 1 or (self.reuse_mode == 2 and loopback)
        old_enough = 60_000 - entry.expires > self.delay_ms
        return entry.state == TIME_WAIT and self.timestamps == 1 and allowed and old_enough


def is_loopback(address: str) -> bool:
    return address == "::1" or address.removeprefix("::ffff:").startswith("127.")


HOSTS = st.builds(
    Host,
    entries(),
    port_sets(),
    port_sets(),
    port_sets(),
    st.integers(0, 2),
    st.integers(0, 1),
    st.sampled_from([0, 1000, 60_000]),
)


@settings(deadline=None)
@given(HOSTS)
def test_outbound_formula(host: Host) -> None:
    """For each 4-tuple space the ports taken are those of the kernel's formula.

    taken = ports of S that bind(), listen() or accept() took, and ports of S at which a socket
    has the 4-tuple and is not reusable.
    """
    counted = counts(host.tally.outbound)
    taken: dict[PoolKey, set[int]] = defaultdict(lambda: set(host.owned))
    time_wait: dict[PoolKey, set[int]] = defaultdict(set)
    for entry in host.found:
        space = key(entry.local, entry.remote, entry.remote_port, entry.interface)
        if not host.reusable(entry):
            taken[space] |= {entry.local_port} & host.usable
        if entry.state == TIME_WAIT:
            time_wait[space] |= {entry.local_port} & (host.usable - host.owned)
    for space in taken.keys() | time_wait.keys() | counted.keys():
        ports, in_time_wait, reclaimable = counted.get(space, (0, 0, 0))
        assert len(host.owned) + ports - reclaimable == len(taken[space])
        assert in_time_wait == len(time_wait[space])


@settings(deadline=None)
@given(HOSTS)
def test_inbound_pools(host: Host) -> None:
    """An inbound pool counts the remote ports that have a socket at a served port."""
    remote_ports: dict[PoolKey, dict[int, int]] = defaultdict(dict)
    for entry in host.found:
        if entry.local_port in host.served:
            pool = key(entry.local, entry.remote, entry.local_port, entry.interface)
            remote_ports[pool][entry.remote_port] = entry.state
    assert counts(host.tally.inbound) == {
        pool: (len(states), list(states.values()).count(TIME_WAIT), 0)
        for pool, states in remote_ports.items()
    }


@settings(deadline=None)
@given(HOSTS)
def test_states_and_local_ports(host: Host) -> None:
    """States and the ports of each local address agree with Python sets."""
    held: dict[LocalAddress, set[int]] = defaultdict(set)
    live: dict[LocalAddress, set[int]] = defaultdict(set)
    for entry in host.found:
        if entry.local_port in host.served or entry.local_port not in host.usable:
            continue
        local = LocalAddress(sixteen_bytes(entry.local), entry.interface)
        held[local].add(entry.local_port)
        if entry.state != TIME_WAIT:
            live[local].add(entry.local_port)
    counted = host.tally
    states = Counter(("." in entry.local, entry.state) for entry in host.found)
    assert +Counter(counted.states) == states
    assert set(ports_of(counted.held)) == {entry.local_port for entry in host.found}
    assert counted.by_address == {
        local: (port_set(held[local]), port_set(live[local])) for local in held
    }
