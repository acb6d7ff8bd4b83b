"""The local port range and its use, and who blocks it if much of it is blocked."""

from collections.abc import Callable
from dataclasses import replace

from tcp_pressure_exporter.facts.outcome import Incomplete
from tcp_pressure_exporter.findings.kinds import CROWDED
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.pools.local_ports import LocalPorts, blocked_port_owners, local_ports
from tcp_pressure_exporter.pools.usage import is_mostly
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.pacing import Allowance

SHARE = 0.005  # of one CPU, for one walk over the bound sockets and one over the processes
LONGEST_PAUSE = 60.0  # seconds: how old the answer may get


class LocalPortsPart:
    """Remembers the owners found last."""

    needs = ()

    def __init__(self, owners: Owners, clock: Callable[[], float]) -> None:
        self._owners = owners
        self._allowance = Allowance(SHARE, LONGEST_PAUSE, clock, spending=owners.spending)
        self._known: tuple[OwnerCount, ...] = ()

    def take(self, reading: Reading) -> LocalPorts | Incomplete[LocalPorts]:
        """Return the range and its use; raises SourceError.

        If reading the kernel's table of bound ports fails, everything else is reported without it.
        """
        ports, skipped = self._ports(reading), reading.skipped
        return Incomplete(ports, skipped.error) if skipped and skipped.error else ports

    def _ports(self, reading: Reading) -> LocalPorts:
        held, settings = reading.tally.get().held, reading.settings.get()
        skipped = reading.skipped.value if reading.skipped else None
        ports = local_ports(settings, held, reading.bound.get(), reading.served, skipped)
        if ports.blocked_ratio < CROWDED:
            self._known = ()
        elif self._allowance.due():
            with self._allowance.spend():
                self._known = self._ask(reading)
        rules = reading.rules.value
        reuse = rules.reuse if rules else None
        # No socket shows who owns hidden ports: if those are the majority, no known owner has it.
        known = () if is_mostly(ports.hidden, ports.blocked) else self._known
        return replace(
            ports,
            owners=known,
            time_wait_hold=reuse.hold if reuse else None,
            settings=settings,
            reuse=reuse,
        )

    def _ask(self, reading: Reading) -> tuple[OwnerCount, ...]:
        settings, bound = reading.settings.get(), reading.bound.get()
        usable = settings.usable
        self._owners.look_up([one.owner_id for one in bound.kept if usable >> one.port & 1])
        return blocked_port_owners(settings, bound, self._owners.owner)


def local_ports_part(kit: Kit) -> LocalPortsPart:
    """Return the part; it fails on a system that does not show its range."""
    return LocalPortsPart(kit.owners, kit.clock)
