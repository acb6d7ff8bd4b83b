"""The kernel's own verdict on the outbound pools near their limit, and the hidden ports."""

from tcp_pressure_exporter.facts.questions import CanarySource, Missing, usable
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pools.directions import OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.near_limit.closer_look import (
    WORTH_ASKING,
    CanaryReport,
    HiddenPorts,
    Probe,
    bound_only,
    canary_targets,
    candidates,
    open_subflows,
    unused_destinations,
)
from tcp_pressure_exporter.pools.table import PoolTables
from tcp_pressure_exporter.sample.sample import LOCAL_PORTS, POOLS
from tcp_pressure_exporter.sampling.parts.part import Kit, Reading


class CanaryPart:
    """Remembers what the kernel said about hidden ports."""

    needs = (POOLS,)

    def __init__(self, source: CanarySource) -> None:
        self._source = source
        self._hidden = HiddenPorts()

    def take(self, reading: Reading) -> CanaryReport:
        """Ask about the pools near their limit; raises SourceError."""
        tables, tally, rules = reading.get(POOLS), reading.tally.get(), reading.rules.get()
        # If the kernel's table is read, hidden ports already count in the pools.
        told = reading.skipped is not None and reading.skipped.value is not None
        hidden, no_estimate = (None, "") if told else self._hidden_ports(tables, tally, rules)
        near = KINDS[OUTBOUND].warning
        targets = canary_targets(tables[OUTBOUND], tally, rules, hidden or 0.0, near)
        probes = tuple(
            Probe(pool, self._source.probe(key, reuse=reuse, free_ports=free_ports))
            for pool, key, reuse, free_ports in targets
        )
        bound = bound_only(reading.bound.get(), rules)
        subflows = open_subflows(reading.statistics.value or {})
        ports = reading.taken(LOCAL_PORTS)
        return CanaryReport(
            probes,
            hidden,
            no_estimate,
            self._hidden.candidates,
            bound,
            subflows,
            known_hidden=ports.value.hidden if ports and ports.value else None,
        )

    def _hidden_ports(
        self, tables: PoolTables, tally: SocketTally, rules: TallyRules
    ) -> tuple[float | None, str]:
        """Return the estimate, or why there is none although one is wanted."""
        # Bound ports fill the pool of their address, whatever their destinations.
        if max(tables[OUTBOUND].ratio_max, tables[SOURCE].ratio_max) < WORTH_ASKING:
            self._hidden = HiddenPorts()
            return None, ""
        ports = candidates(tally, rules)
        answer = self._source.hidden_ports(ports, unused_destinations(tables[OUTBOUND]))
        self._hidden = self._hidden.after(ports.bit_count(), answer.asked, answer.hidden)
        estimate = self._hidden.estimate
        return estimate, answer.reason if estimate is None else ""


def canary_part(kit: Kit) -> CanaryPart | Missing:
    """Return the part if something keeps a SYN from leaving."""
    source = usable(kit.sources.canary)
    return source if isinstance(source, Missing) else CanaryPart(source)
