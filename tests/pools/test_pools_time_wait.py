"""What TIME_WAIT says about a direction's pools: closes, ages, and how long ports wait."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.ports import port_range
from tcp_pressure_exporter.facts.tally import (
    AddressPorts,
    LocalAddress,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse, same_length
from tcp_pressure_exporter.pools.directions import (
    DirectionPools,
    inbound_usages,
    outbound_usages,
    source_usages,
)
from tcp_pressure_exporter.pools.groups import RemoteGroups
from tests.support.fakes.tallies import EMPTY, bound_tally, histogram
from tests.support.messages.socket_entries import sixteen_bytes

NEVER = TimeWaitReuse(everywhere=False, on_loopback=False)
ON_LOOPBACK = TimeWaitReuse(everywhere=False, on_loopback=True, delay_ms=1000)
EVERYWHERE = TimeWaitReuse(everywhere=True, on_loopback=True, delay_ms=2500)


def key(local: str, remote: str) -> PoolKey:
    return PoolKey(sixteen_bytes(local), sixteen_bytes(remote), b"\x01\xbb")


def rules(reuse: TimeWaitReuse = NEVER) -> TallyRules:
    return TallyRules(port_range(40000, 40009), 0, 0, reuse)


ONE, OTHER = key("10.0.0.2", "10.0.0.9"), key("10.0.0.2", "10.0.0.8")
TALLY = PoolTally(
    rows={
        ONE: PoolCount(7, 5, 0, entered=3, ages=histogram({0: 3, 40: 2})),
        OTHER: PoolCount(2, 1, 0, entered=1, ages=histogram({0: 1})),
    },
    others=OtherPools(9, 1, 9, 4, 0, entered=2, ages=histogram({0: 2, 60: 2})),
    overflow=0,
)


@pytest.mark.parametrize(
    "usages", [outbound_usages(TALLY, rules(), 10), inbound_usages(TALLY, RemoteGroups(), NEVER)]
)
def test_closes(usages: DirectionPools) -> None:
    """Each pool has its own closes; the direction has those of all, with rows or not."""
    assert {pool: usage.entered for pool, usage in usages.pools.items()} == {ONE: 3, OTHER: 1}
    assert usages.pools[ONE].ages == histogram({0: 3, 40: 2})
    assert usages.entered == 3 + 1 + 2
    assert usages.ages == histogram({0: 6, 40: 2, 60: 2})


def test_source_pools() -> None:
    """It is not known when the local ports of an address were closed."""
    tally = replace(EMPTY, outbound=TALLY)
    assert source_usages(tally, bound_tally(), rules(), 10).ages is None


@pytest.mark.parametrize(
    ("local", "remote", "reuse", "hold"),
    [
        ("10.0.0.2", "10.0.0.9", NEVER, 62.048),
        ("127.0.0.1", "127.0.0.1", NEVER, 62.048),
        ("10.0.0.2", "10.0.0.9", ON_LOOPBACK, 62.048),
        ("127.0.0.1", "127.9.9.9", ON_LOOPBACK, 1.0),
        ("::1", "::1", ON_LOOPBACK, 1.0),
        # tcp_twsk_unique asks for one loopback address, whichever end it is.
        ("10.0.0.2", "127.0.0.1", ON_LOOPBACK, 1.0),
        ("10.0.0.2", "10.0.0.9", EVERYWHERE, 3),
        ("127.0.0.1", "127.0.0.1", EVERYWHERE, 3),
    ],
)
def test_hold_outbound(local: str, remote: str, reuse: TimeWaitReuse, hold: float) -> None:
    """A port waits until connect() may take it over or, if it may not, for its minute.

    A delay of 2.5 s counts as 3, since ages are known by whole seconds.
    """
    tally = PoolTally({key(local, remote): PoolCount(1, 1, 0, 0, histogram({}))}, OtherPools(), 0)
    [usage] = outbound_usages(tally, rules(reuse), 10).pools.values()
    assert usage.hold == hold


def test_hold_inbound() -> None:
    """Towards this host a remote's ports wait for their minute, whatever connect() does here."""
    usages = inbound_usages(TALLY, RemoteGroups(), NEVER)
    assert {usage.hold for usage in usages.pools.values()} == {62.048}


ELSEWHERE = TimeWaitReuse(
    everywhere=False, on_loopback=False, lengths=same_length(120_000), tick=0.0, told=False
)


def test_other_systems() -> None:
    """On other systems TIME_WAIT is as long as they say, and what is reclaimable is not known."""
    outbound = outbound_usages(TALLY, rules(ELSEWHERE), 10).pools
    inbound = inbound_usages(TALLY, RemoteGroups(), ELSEWHERE).pools
    assert {usage.hold for usage in (*outbound.values(), *inbound.values())} == {120.0}
    assert {usage.reclaimable for usage in outbound.values()} == {None}


def test_hidden_time_wait() -> None:
    """If TIME_WAIT is not shown, its number is not known in any direction."""
    hidden = replace(TALLY, rows={ONE: PoolCount(7, None, 0, entered=0, ages=b"")})
    address = sixteen_bytes("10.0.0.2")
    tally = replace(EMPTY, by_address={LocalAddress(address): AddressPorts(1 << 40000, None)})
    for usages in (
        outbound_usages(hidden, rules(ELSEWHERE), 10),
        inbound_usages(hidden, RemoteGroups(), NEVER),
        source_usages(tally, bound_tally(), rules(ELSEWHERE), 10),
    ):
        assert {usage.time_wait for usage in usages.pools.values()} == {None}
        assert all(usage.live == usage.used for usage in usages.pools.values())


def test_unknown_ages() -> None:
    """An empty histogram counts as none: the ages are not known."""
    row = PoolCount(2, 2, 0, entered=0, ages=b"")
    tally = PoolTally({ONE: row}, OtherPools(ages=b""), 0)
    inbound = inbound_usages(tally, RemoteGroups(), NEVER)
    for usages in (outbound_usages(tally, rules(), 10), inbound):
        assert usages.ages is None
        assert usages.pools[ONE].ages is None
