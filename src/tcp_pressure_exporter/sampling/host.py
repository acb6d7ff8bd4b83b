"""Builds the sampler of this host, with everything that this process has the rights for."""

import sys
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sampling.sampler import NamespaceSampler
from tcp_pressure_exporter.sources.canary.canary import Canary
from tcp_pressure_exporter.sources.conntrack.table import ConntrackTable
from tcp_pressure_exporter.sources.counting.parser import Parser
from tcp_pressure_exporter.sources.netlink.diag import DiagSocket, SparingDiagSocket, why_no_netlink
from tcp_pressure_exporter.sources.netns.switch import OPERATION, NamespaceSwitch
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import WALK_SHARE, Owners
from tcp_pressure_exporter.sources.owners.processes import find_processes
from tcp_pressure_exporter.sources.procfs.capabilities import (
    effective_capabilities,
    may_ask_conntrack,
    may_name_processes,
    missing_for_namespaces,
)
from tcp_pressure_exporter.sources.systems.namespace import Namespace

NETNS = "netns"  # stands among the collectors where other namespaces are wanted
# Left out of other namespaces. The canary takes a port, if for microseconds: not from others. The
# rest costs one more walk each over a table of the whole host; and a mere gateway has too few
# sockets of its own to be sampled at all.
ONLY_OWN = frozenset({"canary", "pool_owners", "nat"})
PORTABLE = "portable"  # the name of the parser where psutil lists the sockets
NEEDED_CAPABILITIES = "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; services are shown"


@dataclass(frozen=True, slots=True)
class HostSampler:
    """The sampler of the process's own network namespace, and why something is left out.

    netns: the label of that namespace. asked: what the sampler asks, for who wants to close it.
    no_process_names: the reason, None where nothing is missing. left_out: the reasons, by
    collector, of those that are wanted.
    another: makes the sampler of another namespace under its label, and what it asks.
    parser: what counts the sockets. no_netlink: why they are read through psutil, None where not.
    """

    netns: str
    namespace: NamespaceSampler
    asked: Namespace
    no_process_names: str | None
    left_out: Mapping[str, str]
    another: Callable[[str], tuple[Namespace, NamespaceSampler]]
    parser: str
    no_netlink: str | None


def build_sampler(
    netns: str,
    procfs: Path,
    parser: Parser,
    collectors: Collection[str],
    walk_share: float = WALK_SHARE,
) -> HostSampler:
    """Return the sampler. walk_share: of one CPU, for finding the processes of sockets."""
    no_netlink = why_no_netlink(sys.platform, DiagSocket())
    by_netlink = no_netlink is None and _has(procfs, may_ask_conntrack)
    canary = Canary(procfs)
    conntrack = ConntrackTable(procfs, parser, by_netlink=by_netlink)
    # Through psutil no socket tells what leads to its owner.
    no_process_names = None if no_netlink else why_no_process_names(procfs)
    named = not (no_netlink or no_process_names)
    owners = _owners(procfs, walk_share, named=named)
    own: Namespace = Namespace(procfs, parser=parser, canary=canary, conntrack=conntrack)
    untold: Mapping[str, str] = {}
    if no_netlink:
        own, untold = _portable(procfs, conntrack)
    checks: Mapping[str, Callable[[], None]] = {
        "canary": canary.check,
        "nat": conntrack.check,
        NETNS: partial(check_namespaces, procfs),
    }
    left_out = _left_out(collectors, untold, checks)
    permitted = [name for name in collectors if name not in left_out]
    return HostSampler(
        netns=netns,
        namespace=NamespaceSampler(netns, own, owners, permitted),
        asked=own,
        no_process_names=no_process_names,
        left_out=left_out,
        another=partial(_another, procfs, parser, owners, permitted),
        parser=PORTABLE if no_netlink else parser.name,
        no_netlink=no_netlink,
    )


def _owners(procfs: Path, walk_share: float, *, named: bool) -> Owners:
    find = partial(find_processes, procfs=procfs) if named else None
    return Owners(Cgroups(procfs), find, walk_share=walk_share)


def _portable(procfs: Path, conntrack: ConntrackTable) -> tuple[Namespace, Mapping[str, str]]:
    # Here, so that where netlink answers the daemon does without all of it.
    from tcp_pressure_exporter.sources.systems import portable_systems  # noqa: PLC0415 - see above

    return portable_systems.portable_system(sys.platform, procfs, conntrack)


def _left_out(
    collectors: Collection[str],
    untold: Mapping[str, str],
    checks: Mapping[str, Callable[[], None]],
) -> dict[str, str]:
    """Return why some of the collectors cannot be had, by collector."""
    reasons = {name: reason for name, reason in untold.items() if name in collectors}
    for name, check in checks.items():
        if name in collectors and name not in reasons and (reason := why_not(check)):
            reasons[name] = reason
    return reasons


def _another(
    procfs: Path, parser: Parser, owners: Owners, collectors: Collection[str], netns: str
) -> tuple[Namespace, NamespaceSampler]:
    namespace = Namespace(procfs, SparingDiagSocket(), parser=parser)
    shared = [name for name in collectors if name not in ONLY_OWN]
    return namespace, NamespaceSampler(netns, namespace, owners, shared)


def check_namespaces(procfs: Path) -> None:
    """Raise SourceError where this process may not sample other network namespaces."""
    missing = missing_for_namespaces(effective_capabilities(procfs))
    if missing:
        raise SourceError(OPERATION, f"needs {' and '.join(missing)}")
    switch = NamespaceSwitch(procfs)
    try:
        switch.check()
    finally:
        switch.close()


def why_no_process_names(procfs: Path) -> str | None:
    """Return why the processes of sockets cannot be told, None where they can."""
    try:
        may_name = may_name_processes(effective_capabilities(procfs))
    except SourceError as error:
        return str(error)
    return None if may_name else NEEDED_CAPABILITIES


def why_not(check: Callable[[], None]) -> str | None:
    """Return why a source cannot be asked, None where it can."""
    try:
        check()
    except SourceError as error:
        return error.reason
    return None


def _has(procfs: Path, may: Callable[[int], bool]) -> bool:
    try:
        return may(effective_capabilities(procfs))
    except SourceError:
        return False  # what is not known to be permitted is not tried


def left_out(sampler: HostSampler) -> Iterator[tuple[str, str]]:
    """Yield what is missing, and why."""
    if sampler.no_process_names:
        yield "process names", sampler.no_process_names
    yield from sampler.left_out.items()


def log_left_out(sampler: HostSampler, log: FilteringBoundLogger) -> None:
    """Say at the start what will be missing."""
    if sampler.no_netlink:
        log.warning("sockets are read through psutil", reason=sampler.no_netlink)
    if sampler.no_process_names:
        log.info("process names are off", reason=sampler.no_process_names)
    for collector, reason in sampler.left_out.items():
        log.info("collector is off", collector=collector, reason=reason)
