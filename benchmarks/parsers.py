"""The exporter's parsers, by name."""

import sys

from tcp_pressure_exporter.sources.counting.parser import Parser, compiled_parser, readable_parser
from tests.support.labs.exporter_process import COMMAND


def parsers() -> dict[str, Parser]:
    """Return the parsers that are built here, the daemon's choice first."""
    found = (compiled_parser(), readable_parser())
    return {parser.name: parser for parser in found if parser}


def daemon_command(parser: str) -> tuple[str, ...]:
    """Return the command that runs the daemon with this parser.

    The readable one stands for an installation without compiled parts, which has no BPF either.
    """
    if parser == next(iter(parsers())):
        return (str(COMMAND),)
    return (sys.executable, "-m", "benchmarks.children.readable_daemon", "--sample.source=netlink")
