"""The pools of each direction, and the resources that are not pools."""

from collections import Counter

from tcp_pressure_exporter.facts.outcome import Outcome
from tcp_pressure_exporter.pools.table import PoolTable
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.verdict.details.pool_directions import (
    directions,
    most_common,
    none_in_use,
    other_resources,
)
from tcp_pressure_exporter.verdict.stuck import StuckWords
from tests.pages.report.observations import CLIENTS, MEMORY, QUEUE, UPSTREAM
from tests.support.fakes.samples import namespace_sample

EMPTY = PoolTable(0, 0.0, 0.0, (), 0, 0)


def pools(**tables: PoolTable) -> NamespaceSample:
    return namespace_sample("host", pools=Outcome(0.1, tables))


def test_known_directions() -> None:
    """Known directions come in a fixed order, empty ones included."""
    sample = namespace_sample(
        "host",
        pools=Outcome(0.1, {"source": EMPTY, "inbound": EMPTY, "outbound": EMPTY}),
        nat=Outcome(0.1, EMPTY),
    )
    titles = [direction.title for direction in directions(sample, [], 10)]
    assert titles == ["Outbound pools", "Inbound pools", "NAT pools", "Source pools"]
    assert [d.title for d in directions(pools(inbound=EMPTY), [], 10)] == ["Inbound pools"]


def test_no_pool() -> None:
    """If there is no pool, the page says how full a new one would be from the start."""
    blocked = PoolTable(0, 0.995, 1.0, (), 0, 0)
    outbound, inbound = directions(pools(outbound=blocked, inbound=EMPTY), [], 10)
    assert outbound.none == "None in use; a new one starts 99 % full."
    assert inbound.none == "None in use."


def test_fullest_first() -> None:
    """The fullest have rows; what the others use is added to what is not listed."""
    table = PoolTable(7, 0.97, 1.0, (), 100, 0)
    listed = [CLIENTS._replace(name=str(used), used=used) for used in (645, 6_451, 12_903)]
    (inbound,) = directions(pools(inbound=table), [UPSTREAM, *listed, QUEUE], 2)
    assert [(row.name, row.percent) for row in inbound.rows] == [("12903", "20 %"), ("6451", "9 %")]
    assert (inbound.pools, inbound.fullest, inbound.fullest_of_minute) == (7, "97 %", "100 %")
    assert inbound.used_by_others == "745 ports"


def test_no_others() -> None:
    """If every pool has a row, others are not mentioned."""
    (inbound,) = directions(pools(inbound=EMPTY), [CLIENTS], 2)
    assert inbound.used_by_others == ""


def test_other_resources() -> None:
    """Queues and limits keep the assessment's order; those there is no room for are counted."""
    rows, totals = other_resources([UPSTREAM, MEMORY, QUEUE, CLIENTS], 10)
    assert [row.kind for row in rows] == ["TCP memory", "accept queue"]
    assert totals == "2; the fullest is accept queue 0.0.0.0:8080, 100 %."
    rows, totals = other_resources([QUEUE, MEMORY, QUEUE], 1)
    assert [row.kind for row in rows] == ["accept queue"]
    assert totals.endswith(" 2 limits not shown.")
    assert other_resources([UPSTREAM], 10) == ((), "")


def test_totals() -> None:
    """The pools of a direction in one line: how many, how full, and what is not shown."""
    table = PoolTable(1_007, 0.97, 1.0, (), 100, 0)
    (inbound,) = directions(pools(inbound=table), [], 2)
    assert inbound.totals == (
        "1,007 in use; the fullest is 97 % full now, 100 % at most in the last minute."
        " Pools not shown use 100 ports."
    )


def test_none_in_use() -> None:
    """A direction without pools is one line, which still says what a new pool would begin with."""
    blocked = PoolTable(0, 0.995, 1.0, (), 0, 0)
    told = list(directions(pools(outbound=blocked, inbound=EMPTY, source=EMPTY), [], 10))
    assert none_in_use(told, None) == (
        "None in use: inbound pools, source pools."
        " Outbound pools: None in use; a new one starts 99 % full."
    )
    stuck = StuckWords(urgent=False, causes=(), owners=None, remotes=None)
    assert none_in_use([], stuck) == "No connection is stuck in CLOSE_WAIT."


def test_most_common_states() -> None:
    """The three states with the most sockets, without those that have none."""
    states = Counter(established=1_610, time_wait=25_990, syn_sent=12, closing=1, listen=0)
    assert most_common(states) == "25,990 TIME_WAIT, 1,610 ESTABLISHED, 12 SYN_SENT"
    assert most_common(Counter(listen=1, closing=0)) == "1 LISTEN"
