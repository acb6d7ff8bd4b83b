"""Builds the sampler of this host, with everything that this process has the rights for."""

from collections.abc import Collection
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tcp_pressure_exporter.kernel.canary import Canary
from tcp_pressure_exporter.kernel.capabilities import effective_capabilities, may_name_processes
from tcp_pressure_exporter.kernel.cgroups import Cgroups
from tcp_pressure_exporter.kernel.errors import SourceError
from tcp_pressure_exporter.kernel.namespace import Namespace
from tcp_pressure_exporter.kernel.owners import WALK_SHARE, Owners
from tcp_pressure_exporter.kernel.parser import Parser
from tcp_pressure_exporter.kernel.processes import find_processes
from tcp_pressure_exporter.sampler import NamespaceSampler

NEEDED_CAPABILITIES = "needs CAP_SYS_PTRACE and CAP_DAC_READ_SEARCH; services are shown"


@dataclass(frozen=True, slots=True)
class HostSampler:
    """The sampler of the process's own network namespace, and why something is left out.

    no_process_names, no_canary: the reason, None where nothing is missing or it is not wanted.
    """

    namespace: NamespaceSampler
    no_process_names: str | None
    no_canary: str | None


def build_sampler(
    netns: str,
    procfs: Path,
    parser: Parser,
    collectors: Collection[str],
    walk_share: float = WALK_SHARE,
) -> HostSampler:
    """Return the sampler. walk_share: of one CPU, for finding the processes of sockets."""
    canary = Canary(procfs)
    no_process_names = why_no_process_names(procfs)
    no_canary = why_no_canary(canary) if "canary" in collectors else None
    find = None if no_process_names else partial(find_processes, procfs=procfs)
    sampler = NamespaceSampler(
        netns,
        Namespace(procfs, parser=parser, canary=canary),
        Owners(Cgroups(procfs), find, walk_share=walk_share),
        [name for name in collectors if name != "canary" or not no_canary],
    )
    return HostSampler(sampler, no_process_names, no_canary)


def why_no_process_names(procfs: Path) -> str | None:
    """Return why the processes of sockets cannot be told, None where they can."""
    try:
        may_name = may_name_processes(effective_capabilities(procfs))
    except SourceError as error:
        return str(error)
    return None if may_name else NEEDED_CAPABILITIES


def why_no_canary(canary: Canary) -> str | None:
    """Return why the kernel cannot be asked for a port, None where it can."""
    try:
        canary.check()
    except SourceError as error:
        return error.reason
    return None
