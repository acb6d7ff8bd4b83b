"""Takes samples of one network namespace: asks the kernel, hands the answers to the model."""

import time
from collections.abc import Callable, Collection
from typing import TypeVar

from tcp_pressure_exporter.config import Config
from tcp_pressure_exporter.kernel.namespace import Namespace
from tcp_pressure_exporter.kernel.tally import MAX_POOLS, MAX_ROWS
from tcp_pressure_exporter.model.local_ports import LocalPorts, choosable_ports, local_ports
from tcp_pressure_exporter.model.outcome import Outcome, attempt
from tcp_pressure_exporter.model.pool_table import PoolTables, pool_tables
from tcp_pressure_exporter.model.pools import pool_usages
from tcp_pressure_exporter.model.sample import NamespaceSample, Resource
from tcp_pressure_exporter.model.served_ports import ServedPorts
from tcp_pressure_exporter.model.socket_states import SocketStates, socket_states
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
        self._tables: PoolTables = {}

    def take(self, config: Config) -> NamespaceSample:
        """Return a sample; a source that fails leaves its collectors without a value."""
        # A group may consist of pools that are small each: then all of them are told apart.
        max_rows = MAX_POOLS if config.groups else MAX_ROWS
        reading = Reading(self._namespace, self._clock, self._served, self._held, max_rows)
        sample = NamespaceSample(
            netns=self._netns,
            sockets=self._part("sockets", lambda: _sockets(reading)),
            local_ports=self._part("local_ports", lambda: _local_ports(reading)),
            pools=self._part("pools", lambda: _pools(reading, config, self._tables)),
            limits=self._part("limits", self._limits),
        )
        if sample.sockets or sample.local_ports or sample.pools:
            self._remember(reading, sample)
        return sample

    def _part(self, collector: str, build: Callable[[], Part]) -> Outcome[Part] | None:
        return attempt(build, self._clock) if collector in self._collectors else None

    def _limits(self) -> tuple[Resource, ...]:
        used, limit = self._namespace.time_wait_buckets()
        return (Resource("time_wait_buckets", used, limit),)

    def _remember(self, reading: Reading, sample: NamespaceSample) -> None:
        """Keep what the next sample needs; after a failure, what was known before."""
        if reading.bound.value is not None:
            self._served = reading.served
        if reading.tally.value is not None:
            self._held = reading.tally.value.held
        if sample.pools and sample.pools.value is not None:
            self._tables = sample.pools.value


def _sockets(reading: Reading) -> SocketStates:
    return socket_states(reading.tally.get(), reading.bound.get())


def _local_ports(reading: Reading) -> LocalPorts:
    return local_ports(reading.settings.get(), reading.tally.get().held, reading.bound.get())


def _pools(reading: Reading, config: Config, previous: PoolTables) -> PoolTables:
    rules, tally = reading.rules.get(), reading.tally.get()
    limit = choosable_ports(reading.settings.get())
    usages = pool_usages(tally, reading.bound.get(), rules, limit, config.groups)
    return pool_tables(usages, config.groups, config.listing, previous)
