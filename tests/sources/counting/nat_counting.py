"""Short ways to count the connections of a conntrack dump, shared by tests of NAT pools."""

from collections.abc import Callable, Iterable, Sequence

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, PoolTally
from tcp_pressure_exporter.sources.counting import compiled as compiled_tally
from tcp_pressure_exporter.sources.counting import translated as readable_conntrack
from tcp_pressure_exporter.sources.netlink.socket import Datagram
from tests.support.messages.conntrack_messages import Connection, dump_of_entries, entry
from tests.support.messages.datagrams import SEQUENCE

EVERY_POOL = NatRules()


def tally(connections: Iterable[Connection], rules: NatRules = EVERY_POOL) -> PoolTally:
    """Count with both parsers, whose results must be equal."""
    return tally_entries([entry(connection) for connection in connections], rules)


def tally_entries(entries: Iterable[bytes], rules: NatRules = EVERY_POOL) -> PoolTally:
    """Count entries, as tests.support.messages.conntrack_messages makes them, with both parsers."""
    return tally_datagrams(dump_of_entries(entries), rules)


def tally_datagrams(datagrams: Sequence[bytes], rules: NatRules = EVERY_POOL) -> PoolTally:
    """Count with both parsers, whose results, or errors, must be equal."""
    readable = _outcome(lambda: readable_conntrack.tally_nat(datagrams, SEQUENCE, rules))
    timed = [Datagram(0, content) for content in datagrams]
    compiled = _outcome(lambda: compiled_tally.tally_nat_datagrams(timed, SEQUENCE, rules))
    if isinstance(readable, SourceError):
        assert str(compiled) == str(readable)
        raise readable
    assert compiled == readable
    return readable


def _outcome(count: Callable[[], PoolTally]) -> PoolTally | SourceError:
    try:
        return count()
    except SourceError as error:
        return error
