"""A diag socket that leaves out what costs a walk of its own."""

from collections.abc import Callable

from tcp_pressure_exporter.kernel.diag_socket import DiagSocket
from tcp_pressure_exporter.kernel.inet_diag import BOUND_ONLY
from tcp_pressure_exporter.kernel.netlink_socket import Answer, Dump


class SparingDiagSocket(DiagSocket):
    """Dumps TCP sockets but those that are bound only.

    They are in the table of bound ports, which all namespaces share as they share the one of
    connections: to find those of one namespace the kernel passes those of the whole host.
    """

    def ask(
        self,
        states: int,
        read: Callable[[Dump], Answer],
        extensions: int = 0,
        attribute: bytes = b"",
    ) -> Answer:
        """Ask as DiagSocket does, bound-only sockets excepted; raises SourceError."""
        return super().ask(states & ~BOUND_ONLY, read, extensions, attribute)
