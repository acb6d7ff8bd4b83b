"""The local port range and its use."""

from tcp_pressure_exporter.pools.local_ports import LocalPorts, local_ports
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading


class LocalPortsPart:
    """Remembers nothing."""

    needs = ()

    def take(self, reading: Reading) -> LocalPorts:
        """Return the range and what is taken in it; raises SourceError."""
        held = reading.tally.get().held
        return local_ports(reading.settings.get(), held, reading.bound.get())


def local_ports_part(_kit: Kit) -> LocalPortsPart:
    """Return the part; a system that does not tell its range makes it fail."""
    return LocalPortsPart()
