from dataclasses import replace

from tcp_pressure_exporter.facts.ports import port_set, ports_of
from tcp_pressure_exporter.facts.tally import AddressPorts, LocalAddress, PoolKey
from tcp_pressure_exporter.pools.groups import GroupKey, ListedKey
from tcp_pressure_exporter.pools.near_limit.closer_look import Target, canary_targets
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tests.sources.counting.counting import key, rules
from tests.support.fakes.tallies import EMPTY

RULES = rules(usable=range(40000, 40010), bound=[40009], served=[40008])
HERE = key("10.0.0.2", "10.0.0.9", 443)
NEAR = 0.7
SHORT_HOLD = 1.0  # seconds: a connect() may take over a TIME_WAIT entry after that


def table(*pools: tuple[ListedKey, Usage]) -> PoolTable:
    listed = tuple(ListedPool(key, "local", "remote", "443", usage) for key, usage in pools)
    return PoolTable(len(pools), 1.0, 1.0, listed, 0, 0)


def targets(outbound: PoolTable, hidden_ports: float = 0) -> list[Target]:
    return canary_targets(outbound, EMPTY, RULES, hidden_ports, NEAR)


def pool_key(number: int) -> PoolKey:
    return key("10.0.0.2", f"10.0.1.{number}", 443)


def test_near_the_limit() -> None:
    """The three fullest pools from 70 % up are asked about."""
    used = {1: 999, 2: 900, 3: 800, 4: 750, 5: 699}
    pools = [(pool_key(n), Usage(use, 1000, 0, 0)) for n, use in used.items()]
    assert [target.key for target in targets(table(*pools))] == [pool_key(n) for n in (1, 2, 3)]
    assert [target.key for target in targets(table(*pools[3:]))] == [pool_key(4)]


def test_hidden_ports_count() -> None:
    """Ports that are probably hidden bring a pool nearer to its limit."""
    pool = table((HERE, Usage(500, 1000, 0, 0)))
    assert targets(pool, 199) == []
    assert [target.key for target in targets(pool, 200)] == [HERE]


def test_groups() -> None:
    """A group is not a destination."""
    group = GroupKey(HERE.local_address, "lb", HERE.port)
    assert targets(table((group, Usage(1000, 1000, 0, 0)))) == []


def test_reuse() -> None:
    """The canary must ask for single ports only if a TIME_WAIT entry may be taken over."""
    for usage, expected in (
        (Usage(900, 1000, 50, 0), False),
        (Usage(900, 1000, 0, 0, reused=True), False),
        (Usage(900, 1000, 50, 0, reused=True), True),
    ):
        [target] = targets(table((HERE, usage)))
        assert target.reuse is expected


def test_free_ports() -> None:
    """Free ports are usable ones that are neither bound, nor served, nor held at the address."""
    full = table((HERE, Usage(9, 10, 0, 0)))
    tally = replace(
        EMPTY,
        held=port_set([40001, 40002, 40003]),
        by_address={LocalAddress(HERE.local_address): AddressPorts(port_set([40001, 40002]), 0)},
    )
    [target] = canary_targets(full, tally, RULES, 0, NEAR)
    assert list(ports_of(target.free_ports)) == [40000, *range(40003, 40008)]
    # If not all addresses are told apart, a port held at any of them is not certainly free.
    [target] = canary_targets(full, replace(tally, address_overflow=1), RULES, 0, NEAR)
    assert list(ports_of(target.free_ports)) == [40000, *range(40004, 40008)]
    [target] = canary_targets(full, replace(tally, by_address={}), RULES, 0, NEAR)
    assert list(ports_of(target.free_ports)) == [40000, *range(40004, 40008)]
