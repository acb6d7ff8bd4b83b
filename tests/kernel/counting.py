"""Short ways to count the sockets of a dump, shared by the tests of the tally."""

from collections.abc import Iterable

from tcp_pressure_exporter.kernel.ports import port_set
from tcp_pressure_exporter.kernel.tally import PoolKey, SocketTally, TallyRules, tally_sockets
from tcp_pressure_exporter.kernel.time_wait import TimeWaitReuse
from tests.datagrams import SEQUENCE, Entry, dump_of
from tests.socket_entries import sixteen_bytes

NEVER = TimeWaitReuse(everywhere=False, on_loopback=False)
EVERYWHERE = TimeWaitReuse(everywhere=True, on_loopback=True)
ON_LOOPBACK = TimeWaitReuse(everywhere=False, on_loopback=True)
RANGE = range(40000, 40010)


def rules(
    usable: Iterable[int] = RANGE,
    bound: Iterable[int] = (),
    served: Iterable[int] = (),
    reuse: TimeWaitReuse = NEVER,
) -> TallyRules:
    blocked = set(usable) & (set(bound) | set(served))
    return TallyRules(port_set(usable), port_set(blocked), port_set(served), reuse)


def tally(found: Iterable[Entry], by: TallyRules) -> SocketTally:
    return tally_sockets(dump_of(found), SEQUENCE, by)


def key(local: str, remote: str, port: int) -> PoolKey:
    return PoolKey(sixteen_bytes(local), sixteen_bytes(remote), port.to_bytes(2, "big"))
