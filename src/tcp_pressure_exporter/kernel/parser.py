"""The two parsers of a dump, and which one this installation has."""

from collections.abc import Callable
from dataclasses import dataclass

from tcp_pressure_exporter.kernel import readable_tally
from tcp_pressure_exporter.kernel.diag_socket import Dump
from tcp_pressure_exporter.kernel.tally import SocketTally, TallyRules


@dataclass(frozen=True, slots=True)
class Parser:
    """A way to count a dump under rules; raises SourceError. `name` is what users see of it."""

    name: str
    tally: Callable[[Dump, TallyRules], SocketTally]


def readable_parser() -> Parser:
    """Return the parser in Python, which every installation has."""
    return Parser(
        "readable",
        lambda dump, rules: readable_tally.tally_datagrams(
            dump.datagrams(), dump.sequence, rules, dump.started_ms
        ),
    )


def compiled_parser() -> Parser | None:
    """Return the parser in C, or None where it was not built: there was no compiler."""
    try:
        from tcp_pressure_exporter.kernel import compiled_tally  # noqa: PLC0415 - may be absent
    except ImportError:
        return None
    return Parser("compiled", compiled_tally.tally_dump)


def best_parser() -> Parser:
    """Return the fastest parser there is."""
    return compiled_parser() or readable_parser()
