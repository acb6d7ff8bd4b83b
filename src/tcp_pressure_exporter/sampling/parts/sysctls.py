"""The settings that decide when TCP comes under pressure, by the system's own names."""

from collections.abc import Mapping

from tcp_pressure_exporter.sampling.parts.part import Asked, Kit


def sysctls_part(_kit: Kit) -> Asked[Mapping[str, int]]:
    """Return the part; every system has settings, though not the same ones."""
    return Asked(lambda reading: reading.sysctls.get())
