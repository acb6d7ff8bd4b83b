import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.ports import PortRange, port_set
from tcp_pressure_exporter.facts.sockets import NOBODY, BoundSocket, Owner, SocketId
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import (
    LocalPorts,
    blocked_port_owners,
    choosable_ports,
    local_ports,
)
from tests.support.fakes.tallies import bound_tally

SETTINGS = PortRange(40000, 40009, port_set([40002, 40003, 50000]))


def socket_at(port: int, *, listening: bool) -> BoundSocket:
    return BoundSocket(bytes(16), port, listening=listening, ipv6_only=False)


def test_local_ports() -> None:
    """Of ten ports two are reserved; anything outside the usable eight counts nowhere.

    The blocked ports are two that listen, one that is bound, and one that was served lately.
    """
    held = port_set([40000, 40001, 40002, 443, 50001])
    bound = [
        socket_at(40001, listening=True),
        socket_at(40005, listening=True),
        socket_at(40005, listening=True),
        socket_at(40006, listening=False),
        socket_at(40003, listening=True),
        socket_at(8080, listening=True),
    ]
    assert local_ports(SETTINGS, held, bound_tally(bound), {40008: 0.0, 443: 0.0}) == LocalPorts(
        *(40000, 40009), reserved=2, usable=8, used=4, listeners=2, choosable=8, blocked=4
    )


def test_idle_host() -> None:
    """Without a socket nothing is used, and nothing listens."""
    assert local_ports(PortRange(32768, 60999, 0), 0, bound_tally(), {}) == LocalPorts(
        *(32768, 60999), reserved=0, usable=28232, used=0, listeners=0, choosable=28232, blocked=0
    )


PORTS = st.frozensets(st.integers(40000, 40020), max_size=21)


@given(PORTS, PORTS, PORTS, PORTS, PORTS)
def test_sets(
    reserved: frozenset[int],
    held: frozenset[int],
    listening: frozenset[int],
    bound_only: frozenset[int],
    served: frozenset[int],
) -> None:
    """All figures are sizes of sets of ports."""
    bound = [socket_at(port, listening=True) for port in listening]
    bound += [socket_at(port, listening=False) for port in bound_only]
    settings = PortRange(40003, 40015, port_set(reserved))
    found = local_ports(settings, port_set(held), bound_tally(bound), dict.fromkeys(served, 0.0))
    inside = set(range(40003, 40016))
    usable = inside - reserved
    assert found == LocalPorts(
        low=40003,
        high=40015,
        reserved=len(inside & reserved),
        usable=len(usable),
        used=len(usable & (held | listening | bound_only)),
        listeners=len(usable & listening),
        choosable=max(len(usable) - 1, 0),  # of thirteen ports the kernel's search may miss one
        blocked=len(usable & (listening | bound_only | served)),
    )


@given(PORTS, PORTS, PORTS, PORTS, PORTS)
def test_sets_with_the_table(
    held: frozenset[int],
    listening: frozenset[int],
    bound_only: frozenset[int],
    served: frozenset[int],
    bound_before: frozenset[int],
) -> None:
    """The kernel's table has every bound port, even those that no list of sockets shows.

    Only ports of connections are hidden; one that is only bound is not, listed or not.
    """
    unlisted = frozenset(port for port in bound_only if port % 2)
    bound = [socket_at(port, listening=True) for port in listening]
    bound += [socket_at(port, listening=False) for port in bound_only - unlisted]
    skipped = listening | bound_only | served | bound_before
    found = local_ports(
        PortRange(40000, 40019, 0),
        port_set(held),
        bound_tally(bound),
        dict.fromkeys(served, 0.0),
        port_set(skipped),
    )
    usable = set(range(40000, 40020))
    assert found.used == len(usable & (held | skipped))
    assert found.blocked == len(usable & skipped)
    told = listening | (bound_only - unlisted) | served
    assert found.hidden == len(usable & held & (skipped - told))


@pytest.mark.parametrize(
    ("choosable", "blocked", "ratio"), [(1000, 995, 0.995), (10, 10, 1.0), (0, 0, 1.0)]
)
def test_blocked_ratio(choosable: int, blocked: int, ratio: float) -> None:
    """If no port is left to choose, it is as if all were blocked."""
    ports = LocalPorts(40000, 40999, 0, choosable, blocked, 0, choosable, blocked)
    assert ports.blocked_ratio == ratio


def test_blocked_port_owners() -> None:
    """Ports count, not sockets, and only usable ones; unknown owners are not named."""
    web, agent, other = Owner("web.service", "web"), Owner("", "agent"), Owner("", "other")
    held = {
        *((web, 40000), (web, 40001), (agent, 40001), (agent, 40004), (agent, 40005)),
        *((NOBODY, 40006), (NOBODY, 40007), (NOBODY, 40008), (NOBODY, 40009)),
        *((other, port) for port in (40002, 40003, 50000, 8080)),  # reserved, or outside
    }
    owners = {SocketId(inode, None): owner for inode, (owner, _port) in enumerate(held)}
    bound = [
        BoundSocket(bytes(16), port, listening=True, ipv6_only=False, owner_id=socket_id)
        for socket_id, (_owner, port) in zip(owners, held, strict=True)
    ]
    found = blocked_port_owners(SETTINGS, bound_tally([*bound, *bound]), owners.__getitem__)
    assert found == (OwnerCount(agent, 3), OwnerCount(web, 2))


@pytest.mark.parametrize(
    ("low", "high", "reserved", "choosable"),
    [
        (40000, 40009, [], 10),
        (40000, 40009, [40002, 40003, 50000], 8),
        (40000, 40009, [40002], 9),  # an even span that reserved ports make odd loses nothing
        (40000, 40002, [], 2),  # odd spans: connect may fail with one port still free
        (40000, 40004, [], 4),
        (40000, 40010, [], 10),
        (40000, 40010, [40001], 9),
        (40000, 40000, [], 1),  # a range of one port is searched whole
        (40000, 40000, [40000], 0),
        (40000, 40001, [40000, 40001], 0),
        (40000, 40002, [40000, 40001, 40002], 0),
        (32768, 60999, [], 28232),
        (1024, 65535, [], 64512),
    ],
)
def test_choosable(low: int, high: int, reserved: list[int], choosable: int) -> None:
    """The kernel's search steps over an even number of ports: an odd span may miss one."""
    assert choosable_ports(PortRange(low, high, port_set(reserved))) == choosable


def test_choosable_elsewhere() -> None:
    """Other systems search every port: an odd range misses none."""
    assert choosable_ports(PortRange(1, 3, 0, in_pairs=False)) == 3
