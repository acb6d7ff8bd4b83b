"""A short way to count the sockets of a dump that own a port, shared by the tests about them."""

from collections.abc import Iterable, Sequence

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.counting.bound import tally_bound_datagrams
from tcp_pressure_exporter.sources.counting.compiled_bound import (
    tally_bound_datagrams as tally_compiled,
)
from tcp_pressure_exporter.sources.netlink.socket import Datagram
from tests.support.messages.datagrams import SEQUENCE, Entry, dump_of

NO_RULES = BoundRules()


def bound(datagrams: Sequence[bytes], by: BoundRules = NO_RULES) -> BoundTally:
    """Count with both counters, whose results, or errors, must be equal."""
    compiled: BoundTally | SourceError
    try:
        compiled = tally_compiled([Datagram(0, one) for one in datagrams], SEQUENCE, by)
    except SourceError as error:
        compiled = error
    try:
        readable = tally_bound_datagrams(datagrams, SEQUENCE, by)
    except SourceError as error:
        assert str(compiled) == str(error)  # noqa: PT017 - and goes on
        raise
    assert compiled == readable
    return readable


def bound_entries(entries: Iterable[Entry], by: BoundRules = NO_RULES) -> BoundTally:
    """Count the sockets of a dump."""
    return bound(dump_of(entries), by)
