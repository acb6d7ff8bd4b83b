"""Solaris and illumos: TCP's tunables, from ipadm, or from ndd on older systems.

Source: Oracle's Tunable Parameters Reference Manuals of Solaris 10 and 11.4, _time_wait_interval
and _smallest_anon_port; ipadm(8) and ndd(8) of illumos.
"""

from collections.abc import Mapping

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import MAX_PORT, PortRange
from tcp_pressure_exporter.facts.system import SOLARIS, SOLARIS_11_4, TIME_WAIT_INTERVAL
from tcp_pressure_exporter.sources.portable.command import Run, run_command
from tcp_pressure_exporter.sources.procfs.files import parse_int

SMALLEST, LARGEST = "tcp_smallest_anon_port", "tcp_largest_anon_port"
TUNABLES = (TIME_WAIT_INTERVAL, SMALLEST, LARGEST)  # by ndd's names

IPADM, NDD = "/usr/sbin/ipadm", "/usr/sbin/ndd"
# Private properties begin with an underscore there; the prefix tcp_ is the module's.
PROPERTIES = {
    "_time_wait_interval": TIME_WAIT_INTERVAL,
    "smallest_anon_port": SMALLEST,
    "largest_anon_port": LARGEST,
}


class SolarisFacts:
    """Asks Solaris; version: the output of `uname -v`."""

    shows_time_wait = True

    def __init__(self, version: str, run: Run = run_command) -> None:
        self.name = SOLARIS_11_4 if version.startswith("11.4") else SOLARIS
        self._run = run

    def port_range(self) -> PortRange:
        """Return the anonymous ports."""
        found = self.settings()
        low, high = found[SMALLEST], found[LARGEST]
        if not 0 < low <= high <= MAX_PORT:
            raise SourceError(SMALLEST, f"anonymous ports from {low} to {high}")
        return PortRange(low, high, 0, in_pairs=False)

    def time_wait_seconds(self) -> float:
        """Return tcp_time_wait_interval; at least a second, as in the system."""
        return max(self.settings()[TIME_WAIT_INTERVAL] / 1000, 1.0)

    def settings(self) -> Mapping[str, int]:
        """Return the tunables: ports and milliseconds."""
        names = ",".join(PROPERTIES)
        question = [IPADM, "show-prop", "-c", "-o", "property,current", "-p", names, "tcp"]
        try:
            text = self._run(question)
        except SourceError as error:
            if error.reason != "absent":
                raise
            return {
                name: parse_ndd(name, self._run([NDD, "-get", "/dev/tcp", name]))
                for name in TUNABLES
            }
        return parse_ipadm(text)


def parse_ndd(name: str, text: str) -> int:
    """Parse the output of `ndd -get`, which is only the value; raises SourceError."""
    return parse_int(name, text.strip())


def parse_ipadm(text: str) -> dict[str, int]:
    """Parse `ipadm show-prop -c -o property,current`: lines of property:value; SourceError.

    Solaris 11.4 writes hyphens where earlier versions and illumos write underscores.
    """
    lines = (line.strip().partition(":") for line in text.splitlines())
    values = {name.replace("-", "_"): value for name, _colon, value in lines}
    missing = [name for name in PROPERTIES if name not in values]
    if missing:
        raise SourceError("ipadm show-prop", f"no property {missing[0]}")
    return {name: parse_int(name, values[key]) for key, name in PROPERTIES.items()}
