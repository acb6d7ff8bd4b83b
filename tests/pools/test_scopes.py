"""Pools of sockets that are bound to an interface, and of those that are not."""

from dataclasses import replace

from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.tally import AddressPorts, LocalAddress
from tcp_pressure_exporter.pools.directions import outbound_usages, source_usages
from tcp_pressure_exporter.pools.scopes import ports_for_connect, scoped_address
from tests.sources.counting.counting import NEVER, key, rules
from tests.support.fakes.tallies import EMPTY, bound_tally, pools
from tests.support.messages.socket_entries import sixteen_bytes

HERE = sixteen_bytes("10.0.0.2")
PLAIN = key("10.0.0.2", "10.0.0.9", 443)
BOUND = PLAIN._replace(scope=3)
RANGE = range(40000, 40010)
RULES = rules(usable=RANGE, reuse=NEVER)


def used(plain: int, bound: int) -> dict[int, int]:
    """Return the used ports by scope of two pools with the same ends."""
    tally = pools({PLAIN: (plain, 0, 0), BOUND: (bound, 0, 0)})
    found = outbound_usages(tally, RULES, limit=len(RANGE))
    return {key.scope: usage.used for key, usage in found.pools.items()}


def test_plain_sockets_stand_in_the_way() -> None:
    """Ports of sockets without an interface are used in pools with one, but not the reverse."""
    assert used(plain=4, bound=3) == {0: 4, 3: 7}


def test_no_more_than_the_limit() -> None:
    """Double counting never makes a pool fuller than full."""
    assert used(plain=8, bound=9) == {0: 8, 3: 10}


def test_ports_in_the_way_of_connect() -> None:
    """A connect() through an interface conflicts with ports of its own and of no interface."""
    by_address = {
        LocalAddress(HERE): AddressPorts(port_set([40000]), port_set([40000])),
        LocalAddress(HERE, 3): AddressPorts(port_set([40001]), 0),
        LocalAddress(HERE, 4): AddressPorts(port_set([40002]), port_set([40002])),
    }
    found = ports_for_connect(by_address, LocalAddress(HERE, 3))
    assert found == AddressPorts(port_set([40000, 40001]), port_set([40000]))
    assert ports_for_connect(by_address, LocalAddress(sixteen_bytes("10.0.0.3"))) is None


def test_ports_in_the_way_of_bind() -> None:
    """A bind() without an interface conflicts with all ports; with one, not with others'."""
    by_address = {
        LocalAddress(HERE): AddressPorts(port_set([40000]), 0),
        LocalAddress(HERE, 3): AddressPorts(port_set([40001, 40002]), 0),
        LocalAddress(HERE, 4): AddressPorts(port_set([40002, 40003]), 0),
    }
    tally = replace(EMPTY, by_address=by_address)
    found = source_usages(tally, bound_tally(), RULES, limit=len(RANGE)).pools
    assert {key.scope: usage.used for key, usage in found.items()} == {0: 4, 3: 3, 4: 3}


def test_label() -> None:
    """The interface follows the address, as RFC 4007 writes a zone."""
    link_local = sixteen_bytes("fe80::1")
    assert scoped_address(link_local, 7, lambda index: f"eth{index}") == "fe80::1%eth7"
    assert scoped_address(HERE, 0, str) == "10.0.0.2"
