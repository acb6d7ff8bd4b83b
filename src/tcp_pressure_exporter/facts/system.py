"""The systems by name, what their vendors allow, and what is asked of one besides its sockets."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from tcp_pressure_exporter.facts.ports import PortRange

LINUX = "linux"
WINDOWS = "windows"
SOLARIS, SOLARIS_11_4 = "solaris", "solaris 11.4"
BSD, MACOS = "bsd", "macos"

# Windows, in the registry.
TIMED_WAIT_DELAY = "TcpTimedWaitDelay"
LEAST_DELAY, MOST_DELAY = 30, 300  # seconds
MAX_USER_PORT = "MaxUserPort"

# Solaris, as ndd calls it; milliseconds. Oracle's Tunable Parameters Reference Manuals say "not
# lower than" 60 s up to Solaris 11.3 and 10 s for 11.4. illumos says nothing, so it is treated as
# Solaris before 11.4.
TIME_WAIT_INTERVAL = "tcp_time_wait_interval"
LEAST_TIME_WAIT_INTERVAL = {SOLARIS: 60_000, SOLARIS_11_4: 10_000}


class SystemFacts(Protocol):
    """The settings of one system. Every method asks afresh and raises SourceError.

    name: the system's name in the table of findings (findings/table.py).
    shows_time_wait: whether psutil lists sockets in TIME_WAIT on it.
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


class Resource(NamedTuple):
    """A finite resource: `used` of `limit`, in the unit at the end of its name, or else a count."""

    name: str
    used: int
    limit: int
