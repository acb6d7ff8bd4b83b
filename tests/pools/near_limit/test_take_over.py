"""TIME_WAIT ports that look reclaimable: which to ask about, and what the answers change."""

from dataclasses import replace

from tcp_pressure_exporter.facts.ports import port_range, port_set, ports_of
from tcp_pressure_exporter.facts.questions import TakeOverAnswer
from tcp_pressure_exporter.facts.tally import AddressPorts, LocalAddress, PoolKey, SocketTally
from tcp_pressure_exporter.pools.directions import DirectionPools
from tcp_pressure_exporter.pools.near_limit.take_over import (
    TakeOvers,
    doubtful_pools,
    old_enough,
    waiting_ports,
)
from tcp_pressure_exporter.pools.usage import Usage
from tests.sources.counting.counting import EVERYWHERE, key, rules
from tests.support.fakes.tallies import EMPTY

RULES = rules(usable=range(40000, 41000), reuse=EVERYWHERE)
HERE = key("10.0.0.2", "10.0.0.9", 443)
NEAR = 0.7
HOLD = 62.048  # seconds
REUSED = 1.0


def holding(ports: int) -> SocketTally:
    return replace(EMPTY, held=port_range(40000, 40000 + ports - 1))


def pools(*usages: Usage) -> DirectionPools:
    keys = [key("10.0.0.2", f"10.0.1.{number}", 443) for number in range(len(usages))]
    return DirectionPools(dict(zip(keys, usages, strict=True)))


def waiting(used: int, reclaimable: int) -> Usage:
    return Usage(used, 1000, reclaimable, reclaimable, hold=REUSED, batch=0.0, reused=True)


def test_doubtful_pools() -> None:
    """From 5 % on, the three fullest are asked about, counting their reclaimable ports."""
    found = pools(*[waiting(10, n) for n in (39, 40, 300, 400, 500)])
    assert [found.pools[key].reclaimable for key in doubtful(found, 700)] == [500, 400, 300]
    assert len(doubtful(pools(waiting(10, 40)), 700)) == 1
    assert doubtful(pools(waiting(10, 39)), 700) == []
    assert doubtful(pools(Usage(900, 1000, 900, 0), Usage(900, 1000, 900, None)), 900) == []


def doubtful(found: DirectionPools, held: int) -> list[PoolKey]:
    return doubtful_pools(found, holding(held), RULES, NEAR)


def test_far_from_the_limit() -> None:
    """While sockets hold less than 70 % of the ports, no pool can be near its limit."""
    found = pools(waiting(0, 400))
    assert doubtful(found, 699) == []
    assert len(doubtful(found, 700)) == 1
    bound = rules(usable=range(40000, 41000), bound=range(40900, 41000), reuse=EVERYWHERE)
    assert len(doubtful_pools(found, holding(600), bound, NEAR)) == 1


def test_waiting_ports() -> None:
    """Only a port without a live socket at the address may be held just by TIME_WAIT."""
    tally = replace(
        EMPTY,
        by_address={
            LocalAddress(HERE.local_address): AddressPorts(
                port_set(range(40000, 40006)), port_set([40001])
            )
        },
    )
    by = rules(usable=range(40000, 41000), bound=[40003], reuse=EVERYWHERE)
    assert list(ports_of(waiting_ports(HERE, tally, by))) == [40000, 40002, 40004, 40005]
    assert waiting_ports(HERE, EMPTY, by) == 0
    hidden = replace(
        EMPTY, by_address={LocalAddress(HERE.local_address): AddressPorts(port_set([40000]), None)}
    )
    assert waiting_ports(HERE, hidden, by) == 0


def test_old_enough() -> None:
    """An entry is sure to be given back a second after tcp_tw_reuse_delay, here one second."""
    assert not old_enough(None, RULES)
    assert not old_enough(1.099, RULES)
    assert old_enough(1.1, RULES)


def corrected(usage: Usage, *answers: tuple[int, int]) -> Usage:
    found, known = DirectionPools({HERE: usage}), TakeOvers()
    for asked, refused in answers:
        known = known.after({HERE: TakeOverAnswer(asked, refused)})
    return known.corrected(found, EVERYWHERE).pools[HERE]


def test_all_given_back() -> None:
    """What the kernel gives back stays reclaimable."""
    assert corrected(waiting(100, 800), (4, 0)) == waiting(100, 800)._replace(refused=0)


def test_all_refused() -> None:
    """What the kernel never gives back is used, and held for all of TIME_WAIT."""
    assert corrected(waiting(200, 800), (16, 16)) == Usage(
        1000, 1000, 800, 0, hold=HOLD, refused=800
    )


def test_some_refused() -> None:
    """A share of refusals, over the last samples, is that share of the ports: 5 of 20 are 200."""
    usage = corrected(waiting(100, 800), (16, 4), (4, 1))
    assert (usage.used, usage.reclaimable, usage.refused) == (300, 600, 200)
    assert usage.hold == REUSED
    assert usage.live == 100


def test_no_answer() -> None:
    """Without an answer the pool is as the rules say."""
    assert corrected(waiting(100, 800), (0, 0)) == waiting(100, 800)
    assert corrected(waiting(100, 800)) == waiting(100, 800)


def test_window() -> None:
    """Answers older than twelve samples are forgotten, and so is a pool no longer in doubt."""
    after = [(16, 16), *[(4, 0)] * 12]
    assert corrected(waiting(100, 800), *after).refused == 0
    known = TakeOvers().after({HERE: TakeOverAnswer(16, 16)}).after({})
    found = DirectionPools({HERE: waiting(100, 800)})
    assert known.corrected(found, EVERYWHERE) is found


def test_pool_that_is_gone() -> None:
    """An answer about a pool that no longer has a row changes nothing."""
    known = TakeOvers().after({HERE: TakeOverAnswer(16, 16)})
    assert known.corrected(DirectionPools({}), EVERYWHERE) == DirectionPools({})
