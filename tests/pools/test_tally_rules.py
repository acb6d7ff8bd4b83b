from tcp_pressure_exporter.facts.ports import PortRange, port_set, ports_of
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.tally import Edge, PoolKey, RowRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.pools.local_ports import TallyRequest, states_only_rules, tally_rules
from tests.support.fakes.tallies import bound_tally

REUSE = TimeWaitReuse(everywhere=True, on_loopback=True, delay_ms=500)
SETTINGS = PortRange(40000, 40009, port_set([40002, 40003]))


def socket_at(port: int, *, listening: bool) -> BoundSocket:
    return BoundSocket(bytes(16), port, listening=listening, ipv6_only=False)


def test_rules() -> None:
    """Usable ports that are bound, listening, or accepted on are blocked for connect()."""
    bound = [
        socket_at(40000, listening=True),
        socket_at(40001, listening=False),
        socket_at(40002, listening=True),  # reserved: no connect() chooses it anyway
        socket_at(443, listening=True),
    ]
    served = {443: 1.0, 40000: 1.0, 40009: 1.0}
    rules = tally_rules(SETTINGS, REUSE, bound_tally(bound), served, TallyRequest())
    assert list(ports_of(rules.usable)) == [40000, 40001, *range(40004, 40010)]
    assert list(ports_of(rules.blocked)) == [40000, 40001, 40009]
    assert list(ports_of(rules.served)) == [443, 40000, 40009]
    assert rules.reuse == REUSE


def test_request() -> None:
    """What a dump has to report is passed on: since when, how many pools, and which in any case."""
    [one, other] = [PoolKey(bytes(16), bytes(15) + last, b"\x01\xbb") for last in (b"1", b"2")]
    edge = Edge(started_ms=5, ended_ms=6, cookies=bytes(8))
    request = TallyRequest(since=edge, max_rows=7, watched_outbound=[one], watched_inbound=[other])
    rules = tally_rules(SETTINGS, REUSE, bound_tally(), {}, request)
    assert rules.since == edge
    assert rules.outbound_rows == RowRules(0, 7, (one,))
    assert rules.inbound_rows == RowRules(0, 7, [other])


def test_rows() -> None:
    """Pools below a ratio need no row: 0.5 of 8 usable ports are 4, of 28232 they are 14116.

    A bound port is used in every outbound pool.
    """
    request = TallyRequest(min_ratio=0.5)
    assert tally_rules(SETTINGS, REUSE, bound_tally(), {}, request).outbound_rows.min_used == 4
    assert tally_rules(SETTINGS, REUSE, bound_tally(), {}, request).inbound_rows.min_used == 14_116
    sockets = [BoundSocket(bytes(16), 40000 + i, listening=False, ipv6_only=False) for i in (0, 9)]
    bound = bound_tally(sockets)
    assert tally_rules(SETTINGS, REUSE, bound, {}, request).outbound_rows.min_used == 2
    assert (
        tally_rules(SETTINGS, REUSE, bound, {}, TallyRequest(min_ratio=0.1)).outbound_rows
        == RowRules()
    )


def test_rows_near_the_limit() -> None:
    """From 0.5 of 8 usable ports, all ports of a pool count for its row, bound ones as well."""
    request = TallyRequest(near_ratio=0.5)
    assert tally_rules(SETTINGS, REUSE, bound_tally(), {}, request).outbound_rows.whole_from == 4
    sockets = [BoundSocket(bytes(16), 40000 + i, listening=False, ipv6_only=False) for i in (0, 9)]
    bound = bound_tally(sockets)
    assert tally_rules(SETTINGS, REUSE, bound, {}, request).outbound_rows.whole_from == 2
    assert tally_rules(SETTINGS, REUSE, bound, {}, request).inbound_rows == RowRules()


def test_first_dump() -> None:
    """Before the first sample nothing is watched, and nothing has entered since."""
    rules = tally_rules(SETTINGS, REUSE, bound_tally(), {}, TallyRequest())
    assert (rules.since, rules.outbound_rows, rules.inbound_rows) == (None, *[RowRules()] * 2)


def test_without_settings() -> None:
    """Without settings no port is usable and nothing is reclaimable; served ports are known."""
    rules = states_only_rules({443: 1.0}, TallyRequest())
    assert (rules.usable, rules.blocked) == (0, 0)
    assert list(ports_of(rules.served)) == [443]
    assert not rules.reuse.everywhere
    assert not rules.reuse.on_loopback
