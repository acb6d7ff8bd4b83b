"""Takes samples of one network namespace: asks the kernel, hands the answers to the model."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from typing import TypeVar

from tcp_pressure_exporter.config import Config
from tcp_pressure_exporter.kernel.namespace import Namespace
from tcp_pressure_exporter.kernel.tally import MAX_POOLS, MAX_ROWS, Edge
from tcp_pressure_exporter.model.canary_targets import CanaryReport
from tcp_pressure_exporter.model.local_ports import LocalPorts, choosable_ports, local_ports
from tcp_pressure_exporter.model.outcome import Outcome, attempt
from tcp_pressure_exporter.model.pool_memory import PoolMemory
from tcp_pressure_exporter.model.pool_table import PoolTables, pool_table
from tcp_pressure_exporter.model.pools import INBOUND, OUTBOUND, pool_usages
from tcp_pressure_exporter.model.sample import NamespaceSample, Resource
from tcp_pressure_exporter.model.served_ports import ServedPorts
from tcp_pressure_exporter.model.socket_states import SocketStates, socket_states
from tcp_pressure_exporter.model.tally_rules import Detail
from tcp_pressure_exporter.prober import Prober
from tcp_pressure_exporter.reading import Reading

Clock = Callable[[], float]
Part = TypeVar("Part")


class NamespaceSampler:
    """Samples one namespace again and again, and remembers what one sample needs of the last."""

    def __init__(
        self,
        netns: str,
        namespace: Namespace,
        collectors: Collection[str],
        clock: Clock = time.monotonic,
    ) -> None:
        self._netns = netns
        self._namespace = namespace
        self._collectors = collectors
        self._clock = clock
        self._served: ServedPorts = {}
        self._held = 0
        self._prober = Prober(namespace)
        self._edge: Edge | None = None
        self._memories: Mapping[str, PoolMemory] = defaultdict(PoolMemory)

    def take(self, config: Config) -> NamespaceSample:
        """Return a sample; a source that fails leaves its collectors without a value."""
        detail = self._detail(config)
        reading = Reading(self._namespace, self._clock, self._served, self._held, detail)
        pools = self._part("pools", lambda: self._pools(reading, config))
        sample = NamespaceSample(
            netns=self._netns,
            sockets=self._part("sockets", lambda: _sockets(reading)),
            local_ports=self._part("local_ports", lambda: _local_ports(reading)),
            pools=pools,
            canary=self._part("canary", lambda: self._probe(reading, pools.get()))
            if pools
            else None,
            limits=self._part("limits", self._limits),
        )
        if sample.sockets or sample.local_ports or sample.pools:
            self._remember(reading)
        return sample

    def _part(self, collector: str, build: Callable[[], Part]) -> Outcome[Part] | None:
        return attempt(build, self._clock) if collector in self._collectors else None

    def _detail(self, config: Config) -> Detail:
        return Detail(
            since=self._edge,
            # A group may consist of pools that are small each: then all of them are told apart.
            min_ratio=0.0 if config.groups else config.listing.leave_ratio,
            max_rows=MAX_POOLS if config.groups else MAX_ROWS,
            watched_outbound=self._memories[OUTBOUND].watched,
            watched_inbound=self._memories[INBOUND].watched,
        )

    def _pools(self, reading: Reading, config: Config) -> PoolTables:
        rules, tally = reading.rules.get(), reading.tally.get()
        limit = choosable_ports(reading.settings.get())
        usages = pool_usages(tally, reading.bound.get(), rules, limit, config.groups)
        now = self._clock()
        tables, memories = {}, {}
        for direction, found in usages.items():
            tables[direction], memories[direction] = pool_table(
                found, config.groups, config.listing, self._memories[direction], now
            )
        # Only now: a sample that failed is made up for by the next one.
        self._memories, self._edge = memories, tally.edge
        return tables

    def _probe(self, reading: Reading, tables: PoolTables) -> CanaryReport:
        return self._prober.take(tables[OUTBOUND], reading.tally.get(), reading.rules.get())

    def _limits(self) -> tuple[Resource, ...]:
        used, limit = self._namespace.time_wait_buckets()
        return (Resource("time_wait_buckets", used, limit),)

    def _remember(self, reading: Reading) -> None:
        """Keep what the next sample needs; after a failure, what was known before."""
        if reading.bound.value is not None:
            self._served = reading.served
        if reading.tally.value is not None:
            self._held = reading.tally.value.held


def _sockets(reading: Reading) -> SocketStates:
    return socket_states(reading.tally.get(), reading.bound.get())


def _local_ports(reading: Reading) -> LocalPorts:
    return local_ports(reading.settings.get(), reading.tally.get().held, reading.bound.get())
