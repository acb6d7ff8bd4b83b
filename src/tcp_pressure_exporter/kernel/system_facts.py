"""What is asked of a system other than Linux beside its sockets: one small module answers for each.

Its parsers are pure; its questions go to the registry or to the system's own program.
"""

from collections.abc import Mapping
from typing import Protocol

from tcp_pressure_exporter.kernel.port_range import PortRange


class SystemFacts(Protocol):
    """The settings of one system. Every method asks anew and raises SourceError.

    name: of the system, as the table of findings has it (model/findings.py).
    shows_time_wait: whether psutil lists sockets in TIME_WAIT there.
    """

    @property
    def name(self) -> str: ...

    @property
    def shows_time_wait(self) -> bool: ...

    def port_range(self) -> PortRange:
        """Return the ports that connect() and bind(port 0) choose from."""

    def time_wait_seconds(self) -> float:
        """Return how long TIME_WAIT keeps a port."""

    def settings(self) -> Mapping[str, int]:
        """Return the settings that decide both, under the system's own names and in its units."""
