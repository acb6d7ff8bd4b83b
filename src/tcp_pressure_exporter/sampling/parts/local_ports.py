"""The local port range and its use."""

from tcp_pressure_exporter.pools.local_ports import LocalPorts, local_ports
from tcp_pressure_exporter.sampling.parts.part import Asked, Kit, Reading


def local_ports_part(_kit: Kit) -> Asked[LocalPorts]:
    """Return the part; on a system that does not tell its range it fails."""
    return Asked(_local_ports)


def _local_ports(reading: Reading) -> LocalPorts:
    held = reading.tally.get().held
    return local_ports(reading.settings.get(), held, reading.bound.get())
