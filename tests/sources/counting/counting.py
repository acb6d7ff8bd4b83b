"""Short ways to count the sockets of a dump, shared by the tests of the tally."""

from collections.abc import Callable, Iterable, Sequence

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import port_set
from tcp_pressure_exporter.facts.tally import PoolKey, SocketTally, TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.counting import compiled as compiled_tally
from tcp_pressure_exporter.sources.counting import readable as readable_tally
from tcp_pressure_exporter.sources.netlink.socket import Datagram
from tests.support.messages.datagrams import SEQUENCE, Entry, dump_of
from tests.support.messages.socket_entries import sixteen_bytes

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
    """Count with both parsers, whose results must be equal."""
    return tally_datagrams(dump_of(found), by)


def tally_datagrams(datagrams: Sequence[bytes], by: TallyRules) -> SocketTally:
    """Count with both parsers, whose results, or errors, must be equal.

    The dump was requested at 0 ms, and each datagram was filled 10 ms after the previous one.
    """
    timed = [Datagram(10 * number, content) for number, content in enumerate(datagrams)]
    return tally_timed(timed, by, 0)


def tally_timed(datagrams: Sequence[Datagram], by: TallyRules, started_ms: int) -> SocketTally:
    """Count datagrams that were filled at given times with both parsers."""
    readable = _outcome(readable_tally.tally_datagrams, datagrams, by, started_ms)
    compiled = _outcome(compiled_tally.tally_datagrams, datagrams, by, started_ms)
    if isinstance(readable, SourceError):
        assert str(compiled) == str(readable)
        raise readable
    assert compiled == readable
    return readable


def _outcome(
    parse: Callable[[Sequence[Datagram], int, TallyRules, int], SocketTally],
    datagrams: Sequence[Datagram],
    by: TallyRules,
    started_ms: int,
) -> SocketTally | SourceError:
    try:
        return parse(datagrams, SEQUENCE, by, started_ms)
    except SourceError as error:
        return error


def key(local: str, remote: str, port: int, scope: int = 0) -> PoolKey:
    return PoolKey(sixteen_bytes(local), sixteen_bytes(remote), port.to_bytes(2, "big"), scope)
