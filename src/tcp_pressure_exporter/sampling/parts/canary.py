"""Asks the canary in each sample, and remembers what it said about hidden ports."""

from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.pools.directions import OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.near_limit import (
    WORTH_ASKING,
    CanaryReport,
    HiddenPorts,
    Probe,
    canary_targets,
    candidates,
)
from tcp_pressure_exporter.pools.table import PoolTables
from tcp_pressure_exporter.sources.systems.namespace import Namespace


class Prober:
    """The canary of one namespace. Raises SourceError."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._hidden = HiddenPorts()

    def take(self, tables: PoolTables, tally: SocketTally, rules: TallyRules) -> CanaryReport:
        """Ask about the outbound pools near their limit."""
        hidden = self._hidden_ports(tables, tally, rules)
        targets = canary_targets(tables[OUTBOUND], tally, rules, hidden or 0.0)
        probes = tuple(
            Probe(pool, self._namespace.probe(key, reuse=reuse, free_ports=free_ports))
            for pool, key, reuse, free_ports in targets
        )
        return CanaryReport(probes, hidden)

    def _hidden_ports(
        self, tables: PoolTables, tally: SocketTally, rules: TallyRules
    ) -> float | None:
        # Ports that were bound fill the pool of their address, whatever their destinations.
        if max(tables[OUTBOUND].ratio_max, tables[SOURCE].ratio_max) < WORTH_ASKING:
            self._hidden = HiddenPorts()
            return None
        ports = candidates(tally, rules)
        asked, hidden = self._namespace.hidden_ports(ports)
        self._hidden = self._hidden.after(ports.bit_count(), asked, hidden)
        return self._hidden.estimate
