"""This host: the samplers of its network namespaces, and why anything is left out."""

import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.facts.kernel import KernelModel
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.questions import Missing, Sources, ToldBy
from tcp_pressure_exporter.facts.system import LINUX
from tcp_pressure_exporter.facts.tally import BPF, NETLINK
from tcp_pressure_exporter.sample.namespaces import EMPTY, QUIET
from tcp_pressure_exporter.sample.sample import (
    ACTIVE_CLOSES,
    CANARY,
    PORT_FAILURES,
    PROCESS_NAMES,
    Key,
)
from tcp_pressure_exporter.sampling.parts.part import Kit, Memory
from tcp_pressure_exporter.sampling.sampler import NamespaceSampler, Wanted, make_parts
from tcp_pressure_exporter.sources.bpf.state_changes import open_counting
from tcp_pressure_exporter.sources.counting.parser import Parser
from tcp_pressure_exporter.sources.netns.switch import OPERATION, NamespaceSwitch
from tcp_pressure_exporter.sources.owners.busy import BusyProcesses
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups, why_no_services
from tcp_pressure_exporter.sources.owners.owners import WALK_SHARE, Owners
from tcp_pressure_exporter.sources.owners.processes import MAX_FDS, find_processes
from tcp_pressure_exporter.sources.pacing import Spending
from tcp_pressure_exporter.sources.procfs.capabilities import (
    effective_capabilities,
    may_name_processes,
    missing_for_namespaces,
)
from tcp_pressure_exporter.sources.systems.linux import other_namespace_sources, own_sources

NETNS = "netns"  # takes the place of a collector's name where other namespaces are wanted
STOPPED = f"the search for owners stopped after {MAX_FDS:,} descriptors"
NEEDED_CAPABILITIES = "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH"


@dataclass(frozen=True, slots=True)
class Wishes:
    """What is to be sampled, and how.

    parts: in the order in which a sample shows them. netns: the label of the exporter's own
    namespace.
    others: whether other namespaces are wanted. source: "auto", "netlink" or "bpf".
    walk_share: the share of one CPU for finding the processes of sockets; 1 means without pauses.
    """

    netns: str
    parts: Mapping[Key[Any], Wanted]
    others: bool = False
    source: str = NETLINK
    walk_share: float = WALK_SHARE


@dataclass(frozen=True, slots=True)
class Host:
    """What this process can sample with the privileges it has.

    own: the sampler of its own network namespace. no_process_names, no_services: the reason, None
    where nothing is missing. left_out: the reasons, by collector, for those wanted but not
    available. counted_by, no_netlink, kernel, told_by: as in Sources. source: as in Wishes.
    no_bind_table: why the kernel's table of bound ports is not read, None where it is.
    no_bind_failures: why failing bind() calls are not counted although connect() calls are.
    spending: what the samples spend under allowances.
    """

    netns: str
    own: NamespaceSampler
    no_process_names: str | None
    no_services: str | None
    left_out: Mapping[str, str]
    counted_by: str
    no_netlink: str | None
    no_bind_table: str | None
    no_bind_failures: str | None
    kernel: KernelModel | None
    told_by: Callable[[], ToldBy]
    source: str
    spending: Spending
    _others: "_Others"

    def another(self, netns: str) -> NamespaceSampler:
        """Return the sampler, under this label, of the namespace that the caller is in."""
        return self._others.sampler(netns)

    def least_sockets(self) -> int:
        """Return how many sockets make another namespace worth sampling."""
        elsewhere = self._others.own.elsewhere
        return EMPTY if elsewhere and elsewhere.usable() else QUIET

    @contextmanager
    def looking_at(self, inodes: Collection[int]) -> Iterator[None]:
        """Hold what one look finds of all these namespaces ready for them.

        The calling thread is in the exporter's own namespace.
        """
        own = self._others.own
        with ExitStack() as looks:
            if own.elsewhere:
                looks.enter_context(own.elsewhere.looked_at(inodes))
            if not isinstance(own.bind_table, Missing):
                looks.enter_context(own.bind_table.looked_at(inodes))
            for counted in (own.failures, own.closes):
                if not isinstance(counted, Missing):
                    looks.enter_context(counted.held())
            yield

    def missing(self) -> Iterator[tuple[str, str]]:
        """Yield what is not shown for lack of privileges or of data from the system, and why."""
        if self.no_process_names:
            yield PROCESS_NAMES, self.no_process_names
        yield from self.left_out.items()

    def unfinished(self) -> Iterator[tuple[str, str]]:
        """Yield (what, why) for anything that the samples so far did not reach."""
        if self._others.owners.stopped:
            yield PROCESS_NAMES, STOPPED

    def log_missing(self, log: FilteringBoundLogger) -> None:
        """Log, at the start, what will be missing."""
        if self.no_netlink:
            log.warning("sockets are read through psutil", reason=self.no_netlink)
        elif self.source != NETLINK and self.told_by().why:
            log.info("sockets are read", **self.told_by().logged())
        if self.no_process_names:
            log.info("process names are off", reason=self.no_process_names)
        if self.no_services:
            log.info("services are off", reason=self.no_services)
        if self.no_bind_table:
            log.info("exact count of hidden ports is off", reason=self.no_bind_table)
        if self.no_bind_failures:
            log.info("count of failing bind() calls is off", reason=self.no_bind_failures)
        for reason in dict.fromkeys(self.left_out.values()):
            collectors = [name for name, why in self.left_out.items() if why == reason]
            log.info("collector is off", collector=",".join(collectors), reason=reason)


def open_host(wishes: Wishes, procfs: Path, parser: Parser, platform: str) -> Host:
    """Ask the kernel what this process may do, and return what can be sampled.

    platform: as in sys.platform. Raises SourceError if BPF is required but not available.
    """
    spending = Spending()
    sources = _wished_sources(wishes, procfs, parser, platform, spending)
    # Sockets read through psutil show nothing that leads to their owners.
    no_names = None if sources.no_netlink else why_no_process_names(procfs)
    named = not (sources.no_netlink or no_names)
    owners = owners_of(procfs, wishes.walk_share, spending, named=named)
    memory = Memory()
    parts, left_out = make_parts(wishes.parts, _kit(sources, memory, owners, procfs))
    if wishes.others and (reason := why_no_others(sources, procfs)):
        left_out[NETNS] = reason
    had = {key: wanted for key, wanted in wishes.parts.items() if key in parts}
    table, failures = sources.bind_table, sources.failures
    return Host(
        netns=wishes.netns,
        own=NamespaceSampler(wishes.netns, sources, memory, parts, time.monotonic),
        no_process_names=no_names,
        no_services=None if sources.no_netlink else why_no_services(procfs),
        left_out=left_out,
        counted_by=sources.counted_by,
        no_netlink=sources.no_netlink,
        no_bind_table=table.reason if isinstance(table, Missing) else None,
        no_bind_failures=None if isinstance(failures, Missing) else failures.no_binds,
        kernel=sources.kernel,
        told_by=sources.told_by,
        source=wishes.source,
        spending=spending,
        _others=_Others(had, owners, procfs, parser, sources),
    )


def _wished_sources(
    wishes: Wishes, procfs: Path, parser: Parser, platform: str, spending: Spending
) -> Sources:
    walked = wishes.source != NETLINK
    sources = own_sources(platform, procfs, parser, walked=walked, spending=spending)
    if wishes.source == BPF and (told := sources.told_by()).source != BPF:
        raise SourceError("bpf", told.why)
    if CANARY not in wishes.parts:
        sources = replace(sources, canary=Missing("not wanted"))
    if platform != LINUX:
        return sources
    failures, closes = open_counting(
        failures=PORT_FAILURES in wishes.parts, closes=ACTIVE_CLOSES in wishes.parts
    )
    return replace(sources, failures=failures, closes=closes)


class _Others(NamedTuple):
    """What the samplers of other namespaces are made from."""

    wanted: Mapping[Key[Any], Wanted]
    owners: Owners
    procfs: Path
    parser: Parser
    own: Sources  # some of them serve all namespaces

    def sampler(self, netns: str) -> NamespaceSampler:
        sources = other_namespace_sources(self.procfs, self.parser, self.own)
        memory = Memory()
        shared = {key: wanted for key, wanted in self.wanted.items() if not wanted.own_alone}
        kit = replace(_kit(sources, memory, self.owners, self.procfs), own=False)
        parts, _missing = make_parts(shared, kit)
        return NamespaceSampler(netns, sources, memory, parts, time.monotonic)


def _kit(sources: Sources, memory: Memory, owners: Owners, procfs: Path) -> Kit:
    return Kit(sources, memory, owners, time.monotonic, procfs)


def owners_of(
    procfs: Path, walk_share: float, spending: Spending | None = None, *, named: bool
) -> Owners:
    """Return the look-up of the owners of sockets; named: of their processes too."""
    find = partial(find_processes, procfs=procfs, busy=BusyProcesses()) if named else None
    return Owners(
        Cgroups(procfs, spending=spending),
        find,
        walk_share=walk_share,
        procfs=procfs,
        cost=time.thread_time,
        spending=spending,
    )


def why_no_others(sources: Sources, procfs: Path) -> str | None:
    """Return why other network namespaces cannot be sampled, None where they can."""
    if isinstance(sources.details, Missing):
        return sources.details.reason
    try:
        check_namespaces(procfs)
    except SourceError as error:
        return error.reason
    return None


def check_namespaces(procfs: Path) -> None:
    """Raise SourceError if this process may not sample other network namespaces."""
    missing = missing_for_namespaces(effective_capabilities(procfs))
    if missing:
        raise SourceError(OPERATION, f"needs {' and '.join(missing)}")
    switch = NamespaceSwitch(procfs)
    try:
        switch.check()
    finally:
        switch.close()


def why_no_process_names(procfs: Path) -> str | None:
    """Return why the processes of sockets cannot be found, None where they can."""
    try:
        may_name = may_name_processes(effective_capabilities(procfs))
    except SourceError as error:
        return str(error)
    return None if may_name else NEEDED_CAPABILITIES
