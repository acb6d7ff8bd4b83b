"""One reading of a network namespace: each source is asked at most once, when first needed."""

from collections.abc import Callable, Mapping
from functools import cached_property

from tcp_pressure_exporter.facts.outcome import Outcome, attempt
from tcp_pressure_exporter.facts.ports import PortRange, port_set
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.facts.tally import SocketTally, TallyRules
from tcp_pressure_exporter.pools.local_ports import ServedPorts, served_ports
from tcp_pressure_exporter.pools.rules import Detail, states_only_rules, tally_rules
from tcp_pressure_exporter.sources.systems.namespace import Namespace


class Reading:
    """The outcomes of the sources of one namespace at one moment.

    previous_served and previous_held come from the sample before (pools/local_ports.py).
    """

    def __init__(
        self,
        namespace: Namespace,
        clock: Callable[[], float],
        previous_served: ServedPorts,
        previous_held: int,
        detail: Detail,
    ) -> None:
        self._namespace = namespace
        self._clock = clock
        self._previous_served = previous_served
        self._previous_held = previous_held
        self._detail = detail

    @property
    def system(self) -> str:
        """Whose settings these are."""
        return self._namespace.system

    @property
    def shows_queues(self) -> bool:
        """Whether `bound` tells the queues of listeners."""
        return self._namespace.shows_queues

    @cached_property
    def settings(self) -> Outcome[PortRange]:
        """The local port range."""
        return attempt(self._namespace.port_range, self._clock)

    @cached_property
    def bound(self) -> Outcome[list[BoundSocket]]:
        """Listening and bound-only sockets: asked for before the others, whose role they tell."""
        return attempt(self._namespace.bound_sockets, self._clock)

    @cached_property
    def resources(self) -> Outcome[tuple[Resource, ...]]:
        """The finite resources beside ports."""
        return attempt(self._namespace.resources, self._clock)

    @cached_property
    def statistics(self) -> Outcome[Mapping[str, int]]:
        """The kernel's counters."""
        return attempt(self._namespace.statistics, self._clock)

    @cached_property
    def sysctls(self) -> Outcome[Mapping[str, int]]:
        """The settings of TCP."""
        return attempt(self._namespace.sysctls, self._clock)

    @cached_property
    def served(self) -> ServedPorts:
        """The served ports; raises SourceError."""
        listening = port_set(socket.port for socket in self.bound.get() if socket.listening)
        return served_ports(self._previous_served, listening, self._previous_held, self._clock())

    @cached_property
    def rules(self) -> Outcome[TallyRules]:
        """The rules that the settings give."""
        return attempt(
            lambda: tally_rules(
                self.settings.get(),
                self._namespace.time_wait_reuse(),
                self.bound.get(),
                self.served,
                self._detail,
            ),
            self._clock,
        )

    @cached_property
    def tally(self) -> Outcome[SocketTally]:
        """The aggregates over all other sockets; without settings, of their states only."""
        return attempt(
            lambda: self._namespace.tally(
                self.rules.value or states_only_rules(self.served, self._detail)
            ),
            self._clock,
        )
