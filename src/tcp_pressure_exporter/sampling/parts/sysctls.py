"""The settings that decide when TCP comes under pressure."""

from collections.abc import Mapping

from tcp_pressure_exporter.sampling.parts.part import Kit, Reading


class SysctlsPart:
    """Remembers nothing."""

    needs = ()

    def take(self, reading: Reading) -> Mapping[str, int]:
        """Return the settings under the system's own names; raises SourceError."""
        return reading.sysctls.get()


def sysctls_part(_kit: Kit) -> SysctlsPart:
    """Return the part; every system has settings, if not all the same."""
    return SysctlsPart()
