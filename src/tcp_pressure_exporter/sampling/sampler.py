"""Takes samples of one network namespace: asks the kernel, hands the answers to the model."""

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from math import ceil
from typing import TypeVar

from tcp_pressure_exporter.facts.outcome import Outcome, attempt, attempt_partly
from tcp_pressure_exporter.facts.tally import MAX_POOLS, MAX_ROWS, Edge, RowRules
from tcp_pressure_exporter.findings.table import FindingState
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, nat_usages, pool_usages
from tcp_pressure_exporter.pools.local_ports import (
    LocalPorts,
    ServedPorts,
    choosable_ports,
    local_ports,
)
from tcp_pressure_exporter.pools.memory import PoolMemory
from tcp_pressure_exporter.pools.near_limit import CanaryReport, PoolOwners
from tcp_pressure_exporter.pools.rules import Detail
from tcp_pressure_exporter.pools.table import PoolTable, PoolTables, pool_table
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.sample.listen_queues import ListenKey, ListenQueues, listen_queues
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.sample.sockets import SocketStates, socket_states
from tcp_pressure_exporter.sampling.parts.canary import Prober
from tcp_pressure_exporter.sampling.parts.close_wait import CloseWaitWatch
from tcp_pressure_exporter.sampling.parts.findings import FindingsWatch
from tcp_pressure_exporter.sampling.parts.pool_owners import PoolOwnerWatch
from tcp_pressure_exporter.sampling.parts.reading import Reading
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.netlink.inet_diag import CLOSE_WAIT
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.systems.namespace import Namespace

Clock = Callable[[], float]
Part = TypeVar("Part")


class NamespaceSampler:
    """Samples one namespace again and again, and remembers what one sample needs of the last."""

    def __init__(
        self,
        netns: str,
        namespace: Namespace,
        owners: Owners,
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
        self._pool_owners = PoolOwnerWatch(namespace, owners, clock)
        self._close_wait = CloseWaitWatch(namespace, owners)
        self._findings = FindingsWatch(owners)
        self._owners = owners
        self._queues: Collection[ListenKey] = ()
        self._edge: Edge | None = None
        self._nat_memory = PoolMemory()
        self._memories: Mapping[str, PoolMemory] = defaultdict(PoolMemory)

    def take(self, config: Config) -> NamespaceSample:
        """Return a sample; a source that fails leaves its collectors without a value."""
        detail = self._detail(config)
        reading = Reading(self._namespace, self._clock, self._served, self._held, detail)
        pools = self._part("pools", lambda: self._pools(reading, config))
        canary, pool_owners = None, None
        if pools:
            canary = self._part("canary", lambda: self._probe(reading, pools.get()))
            pool_owners = self._part(
                "pool_owners", lambda: self._owners_of(reading, pools.get(), config)
            )
        sample = NamespaceSample(
            netns=self._netns,
            sockets=self._part("sockets", lambda: _sockets(reading)),
            local_ports=self._part("local_ports", lambda: _local_ports(reading)),
            pools=pools,
            nat=self._part("nat", lambda: self._nat(config)),
            canary=canary,
            pool_owners=pool_owners,
            close_wait=self._part("close_wait", lambda: self._waiting(reading, config)),
            listen_queues=self._part("listen_queues", lambda: self._listening(reading, config)),
            limits=self._source("limits", lambda: reading.resources),
            kernel_events=self._source("kernel_events", lambda: reading.statistics),
            sysctls=self._source("sysctls", lambda: reading.sysctls),
            findings=self._advice(reading, pools, canary),
        )
        if sample.sockets or sample.local_ports or sample.pools:
            self._remember(reading)
        return sample

    def _part(self, collector: str, build: Callable[[], Part]) -> Outcome[Part] | None:
        return attempt(build, self._clock) if collector in self._collectors else None

    def _source(self, collector: str, ask: Callable[[], Outcome[Part]]) -> Outcome[Part] | None:
        return ask() if collector in self._collectors else None

    def _detail(self, config: Config) -> Detail:
        return Detail(
            since=self._edge,
            kept_states=CLOSE_WAIT if "close_wait" in self._collectors else 0,
            min_ratio=_least_ratio(config),
            max_rows=_most_rows(config),
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

    def _nat(self, config: Config) -> PoolTable:
        rules = RowRules(
            min_used=ceil(_least_ratio(config) * config.nat.fewest),
            max_rows=_most_rows(config),
            watched=self._nat_memory.watched,
        )
        usages = nat_usages(self._namespace.translated(rules), config.nat)
        table, self._nat_memory = pool_table(
            usages, config.groups, config.listing, self._nat_memory, self._clock()
        )
        return table

    def _probe(self, reading: Reading, tables: PoolTables) -> CanaryReport:
        return self._prober.take(tables, reading.tally.get(), reading.rules.get())

    def _owners_of(
        self, reading: Reading, tables: PoolTables, config: Config
    ) -> tuple[PoolOwners, ...]:
        return self._pool_owners.take(tables[OUTBOUND], reading.rules.get(), config.groups)

    def _waiting(self, reading: Reading, config: Config) -> CloseWait:
        return self._close_wait.take(reading.tally.get(), config, self._clock())

    def _listening(self, reading: Reading, config: Config) -> ListenQueues:
        queues = listen_queues(reading.bound.get(), config.listing, self._queues)
        self._queues = [queue.key for queue in queues.listed]
        self._owners.look_up(queues.crowded())
        return queues.owned(self._owners.owner)

    def _advice(
        self,
        reading: Reading,
        pools: Outcome[PoolTables] | None,
        canary: Outcome[CanaryReport] | None,
    ) -> Outcome[tuple[FindingState, ...]] | None:
        if "findings" not in self._collectors:
            return None
        return attempt_partly(
            lambda: self._findings.take(reading, pools, canary, self._clock()), self._clock
        )

    def _remember(self, reading: Reading) -> None:
        """Keep what the next sample needs; after a failure, what was known before."""
        if reading.bound.value is not None:
            self._served = reading.served
        if reading.tally.value is not None:
            self._held = reading.tally.value.held


def _least_ratio(config: Config) -> float:
    """Return from which ratio on a pool is told apart.

    A group may consist of pools that are small each: then all of them are.
    """
    return 0.0 if config.groups else config.listing.leave_ratio


def _most_rows(config: Config) -> int:
    return MAX_POOLS if config.groups else MAX_ROWS


def _sockets(reading: Reading) -> SocketStates:
    return socket_states(reading.tally.get(), reading.bound.get())


def _local_ports(reading: Reading) -> LocalPorts:
    return local_ports(reading.settings.get(), reading.tally.get().held, reading.bound.get())
