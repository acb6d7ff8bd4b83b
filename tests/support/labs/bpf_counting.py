"""Counting by BPF as if another process had begun to: what the tests do is an application's."""

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.port_failures import PortFailures

IDLE = bytes(8)  # the process that makes no calls


def count_this_process(found: PortFailures) -> None:
    """Let the calls of this process count, too."""
    for calls in (found._connects, found._binds):  # noqa: SLF001 - see above
        if not isinstance(calls, Missing):
            calls._loaded.update("own_process", bytes(4), IDLE)  # noqa: SLF001 - see above
