"""The two parsers of a dump, and which of them this installation has.

The modules of each are imported only if it is used.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tcp_pressure_exporter.facts.bound import BoundRules, BoundTally
from tcp_pressure_exporter.facts.tally import NatRules, PoolTally, SocketTally, TallyRules
from tcp_pressure_exporter.sources.netlink.messages import ending
from tcp_pressure_exporter.sources.netlink.socket import Datagram, Dump

READABLE = "readable"
NO_SEQUENCE = 0  # for messages that answer no request


@dataclass(frozen=True, slots=True)
class Parser:
    """A way to count dumps by rules; raises SourceError. `name` is what users see.

    tally: TCP sockets. tally_nat: the connections that conntrack tracks. tally_bound: TCP sockets
    that listen or are only bound. tally_messages: such sockets, from messages like those of a dump
    but without its ending.
    """

    name: str
    tally: Callable[[Dump, TallyRules], SocketTally]
    tally_nat: Callable[[Dump, NatRules], PoolTally]
    tally_bound: Callable[[Dump, BoundRules], BoundTally]
    tally_messages: Callable[[Sequence[bytes], BoundRules], BoundTally]


def readable_parser() -> Parser:
    """Return the parser in Python, which every installation has."""
    from tcp_pressure_exporter.sources.counting import (  # noqa: PLC0415 - see above
        bound,
        readable,
        translated,
    )

    return Parser(
        READABLE,
        lambda dump, rules: readable.tally_datagrams(
            dump.datagrams(), dump.sequence, rules, dump.started_ms
        ),
        lambda dump, rules: translated.tally_nat(dump.contents(), dump.sequence, rules),
        lambda dump, rules: bound.tally_bound_datagrams(dump.contents(), dump.sequence, rules),
        lambda messages, rules: bound.tally_bound_datagrams(
            [*messages, ending(NO_SEQUENCE)], NO_SEQUENCE, rules
        ),
    )


def compiled_parser() -> Parser | None:
    """Return the parser in C, or None if it was not built, for lack of a compiler."""
    try:
        from tcp_pressure_exporter.sources.counting import (  # noqa: PLC0415 - may be absent
            compiled,
            compiled_bound,
        )
    except ImportError:
        return None
    return Parser(
        "compiled",
        compiled.tally_dump,
        compiled.tally_nat_dump,
        compiled_bound.tally_bound_dump,
        lambda messages, rules: compiled_bound.tally_bound_datagrams(
            [Datagram(0, piece) for piece in (*messages, ending(NO_SEQUENCE))], NO_SEQUENCE, rules
        ),
    )


def best_parser() -> Parser:
    """Return the fastest parser there is."""
    return compiled_parser() or readable_parser()
