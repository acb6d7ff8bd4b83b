from tcp_pressure_exporter.kernel.bound_sockets import BoundSocket
from tcp_pressure_exporter.kernel.port_range import PortRange
from tcp_pressure_exporter.kernel.ports import port_set, ports_of
from tcp_pressure_exporter.kernel.time_wait import TimeWaitReuse
from tcp_pressure_exporter.model.tally_rules import states_only_rules, tally_rules

REUSE = TimeWaitReuse(everywhere=True, on_loopback=True, delay_ms=500)
SETTINGS = PortRange(40000, 40009, port_set([40002, 40003]))


def socket_at(port: int, *, listening: bool) -> BoundSocket:
    return BoundSocket(bytes(16), port, listening=listening, ipv6_only=False)


def test_rules() -> None:
    """Usable ports that were bound, listen, or were accepted on are blocked for connect()."""
    bound = [
        socket_at(40000, listening=True),
        socket_at(40001, listening=False),
        socket_at(40002, listening=True),  # reserved: no connect() chooses it anyway
        socket_at(443, listening=True),
    ]
    rules = tally_rules(
        SETTINGS, REUSE, iter(bound), {443: 1.0, 40000: 1.0, 40009: 1.0}, max_rows=7
    )
    assert list(ports_of(rules.usable)) == [40000, 40001, *range(40004, 40010)]
    assert list(ports_of(rules.blocked)) == [40000, 40001, 40009]
    assert list(ports_of(rules.served)) == [443, 40000, 40009]
    assert (rules.reuse, rules.max_rows) == (REUSE, 7)


def test_without_settings() -> None:
    """Without settings no port is usable and nothing is reclaimable; served ports are known."""
    rules = states_only_rules({443: 1.0})
    assert (rules.usable, rules.blocked) == (0, 0)
    assert list(ports_of(rules.served)) == [443]
    assert not rules.reuse.everywhere
    assert not rules.reuse.on_loopback
