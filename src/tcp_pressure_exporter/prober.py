"""Asks the canary in each sample, and remembers what it said about hidden ports."""

from tcp_pressure_exporter.kernel.namespace import Namespace
from tcp_pressure_exporter.kernel.tally import SocketTally, TallyRules
from tcp_pressure_exporter.model.canary_targets import CanaryReport, Probe, canary_targets
from tcp_pressure_exporter.model.hidden_ports import WORTH_ASKING, HiddenPorts, candidates
from tcp_pressure_exporter.model.pool_table import PoolTable


class Prober:
    """The canary of one namespace. Raises SourceError."""

    def __init__(self, namespace: Namespace) -> None:
        self._namespace = namespace
        self._hidden = HiddenPorts()

    def take(self, outbound: PoolTable, tally: SocketTally, rules: TallyRules) -> CanaryReport:
        """Ask about the outbound pools near their limit."""
        hidden = self._hidden_ports(outbound, tally, rules)
        targets = canary_targets(outbound, tally, rules, hidden or 0.0)
        probes = tuple(
            Probe(pool, self._namespace.probe(key, reuse=reuse, free_ports=free_ports))
            for pool, key, reuse, free_ports in targets
        )
        return CanaryReport(probes, hidden)

    def _hidden_ports(
        self, outbound: PoolTable, tally: SocketTally, rules: TallyRules
    ) -> float | None:
        if outbound.ratio_max < WORTH_ASKING:
            self._hidden = HiddenPorts()
            return None
        ports = candidates(tally, rules)
        asked, hidden = self._namespace.hidden_ports(ports)
        self._hidden = self._hidden.after(ports.bit_count(), asked, hidden)
        return self._hidden.estimate
