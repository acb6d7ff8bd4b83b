"""Sampling a host's network namespaces: the exporter's own, and the busiest of the others."""

import os
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sample.namespaces import Census, Elsewhere, NamespaceChoice, busy
from tcp_pressure_exporter.sample.sample import NamespaceSample, Taken
from tcp_pressure_exporter.sampling.host import NETNS, Host
from tcp_pressure_exporter.sampling.sampler import NamespaceSampler
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.netns.discovery import (
    RUN_NETNS,
    FoundNamespace,
    find_namespaces,
    namespace_label,
    open_namespace,
    read_cgroup,
    unique_label,
)
from tcp_pressure_exporter.sources.netns.switch import NamespaceSwitch
from tcp_pressure_exporter.sources.procfs.resources import count_tcp_sockets


class HeldNamespace(NamedTuple):
    """A namespace and its sampler.

    label: its name outside. netns: the same, or with what tells it from another of that name.
    """

    label: str
    netns: str
    descriptor: int
    sampler: NamespaceSampler


class HeldNamespaces:
    """Keeps a descriptor and a diag socket for each, which also keep the namespace alive.

    another: makes the sampler of a namespace under its label.
    own_netns: a label that none of them may have. switch: enters a namespace and returns.
    """

    def __init__(
        self,
        another: Callable[[str], NamespaceSampler],
        own_netns: str,
        switch: NamespaceSwitch,
    ) -> None:
        self._another = another
        self._own_netns = own_netns
        self._switch = switch
        self._held: dict[int, HeldNamespace] = {}

    @property
    def inodes(self) -> Collection[int]:
        """The namespaces held."""
        return self._held.keys()

    def get(self, inode: int) -> HeldNamespace | None:
        """Return a namespace if it is held."""
        return self._held.get(inode)

    def hold(self, found: FoundNamespace, label: str) -> HeldNamespace | None:
        """Return the namespace, opening it if need be; None where it is gone.

        Raises SourceError, AwayError.
        """
        held = self._held.get(found.inode)
        if held is None:
            descriptor = self._open(found)
            if descriptor is None:
                return None
            taken = {self._own_netns, *(other.netns for other in self._held.values())}
            netns = unique_label(label, found.inode, taken)
            held = HeldNamespace(label, netns, descriptor, self._another(netns))
            self._held[found.inode] = held
        return held

    def keep(self, inodes: Collection[int]) -> None:
        """Release all but these."""
        for inode in self._held.keys() - set(inodes):
            held = self._held.pop(inode)
            held.sampler.close()
            os.close(held.descriptor)

    def _open(self, found: FoundNamespace) -> int | None:
        descriptor = open_namespace(found)
        if descriptor is None:
            return None
        try:
            return self._switch.reopened(descriptor)
        finally:
            os.close(descriptor)


MAX_LOOKS = 1_024  # namespaces whose sockets are counted in a sample: about 40 µs each
MAX_TOLD = 1_024  # reasons remembered as logged; some contain a container's name
TOP = 2  # pools per direction, queues and owners listed for each of the others

Errors = list[SourceError]


@contextmanager
def _collected(errors: Errors) -> Iterator[None]:
    try:
        yield
    except SourceError as error:
        errors.append(error)


class NamespaceSamplers:
    """In each sample, finds the namespaces, counts their sockets, and samples the busiest.

    The sampling thread enters each of them and comes back.
    """

    def __init__(
        self,
        host: Host,
        choice: NamespaceChoice,
        procfs: Path,
        log: FilteringBoundLogger,
        names: Path = RUN_NETNS,
    ) -> None:
        """Open the calling thread's namespace as the exporter's own; raises SourceError."""
        self._host = host
        self._choice = choice
        self._procfs = procfs
        self._log = log
        self._names = names
        self._switch = NamespaceSwitch(procfs)
        self._held = HeldNamespaces(host.another, host.netns, self._switch)
        self._told: set[str] = set()

    def take(self, config: Config) -> Taken:
        """Return a sample of each namespace; those that cannot be read are only counted.

        Raises AwayError if the thread could not come back, and again until it can: it reads nothing
        in a namespace that may be the wrong one.
        """
        self._switch.go_home()
        try:
            found = find_namespaces(self._procfs, self._names)
        except SourceError as error:
            self._tell([error])
            self._held.keep(())
            own = self._host.own.take(config)
            return Taken((own,), left_out=((NETNS, str(error)), *self._host.unfinished()))
        taken, census = self._take_all(found, config)
        beyond = Elsewhere(max(len(found) - MAX_LOOKS, 0))
        return Taken(taken, census, beyond, tuple(self._host.unfinished()))

    def close(self) -> None:
        """Release all namespaces."""
        self._held.keep(())
        self._switch.close()

    def _take_all(
        self, found: list[FoundNamespace], config: Config
    ) -> tuple[tuple[NamespaceSample, ...], Census]:
        errors: Errors = []
        by_inode = {one.inode: one for one in found}
        self._held.keep(by_inode)
        counts = self._count_all(by_inode, errors)
        least = self._host.least_sockets()
        worth = set(busy(counts, self._held.inodes, least))
        candidates = self._choice.candidates(counts, self._held.inodes, least)
        labels = {inode: self._label(by_inode[inode]) for inode in candidates}
        wanted = {i: counts[i] for i, label in labels.items() if self._choice.wants(label)}
        chosen = self._choice.busiest(wanted, self._held.inodes, least)
        self._held.keep(chosen)
        chosen_ones = [(by_inode[inode], labels[inode]) for inode in chosen]
        with self._host.looking_at(chosen):
            own = self._host.own.take(config)
            others = self._sample_all(chosen_ones, config, errors)
        self._tell(errors)
        return (own, *others), Census(
            sampled=len(others),
            unlisted=len(wanted) - len(chosen),
            excluded=len(worth - wanted.keys()),
            quiet=len(counts.keys() - worth - wanted.keys()),
            unreadable=len(errors),
        )

    def _count_all(self, by_inode: dict[int, FoundNamespace], errors: Errors) -> dict[int, int]:
        """Return the number of sockets of each namespace that still exists, up to the limit."""
        # Held ones come first, so that the limit drops none of them.
        inodes = sorted(by_inode, key=lambda inode: self._held.get(inode) is None)[:MAX_LOOKS]
        counts: dict[int, int] = {}
        for inode in inodes:
            with _collected(errors):
                count = self._count(by_inode[inode])
                if count is not None:
                    counts[inode] = count
        return counts

    def _count(self, found: FoundNamespace) -> int | None:
        held = self._held.get(found.inode)
        if held is not None:  # its process may have ended, but the namespace has not
            return self._count_inside(held.descriptor)
        if found.pid is not None:
            return count_tcp_sockets(self._procfs, str(found.pid))
        descriptor = open_namespace(found)
        if descriptor is None:
            return None
        try:
            return self._count_inside(descriptor)
        finally:
            os.close(descriptor)

    def _count_inside(self, descriptor: int) -> int | None:
        with self._switch.entered(descriptor):
            return count_tcp_sockets(self._procfs)

    def _label(self, found: FoundNamespace) -> str:
        """Return the label; a held namespace keeps its own, whatever happens to its processes."""
        held = self._held.get(found.inode)
        if held is not None:
            return held.label
        cgroup = "" if found.pid is None else read_cgroup(self._procfs, found.pid)
        return namespace_label(found.name, cgroup, found.inode)

    def _sample_all(
        self, chosen: list[tuple[FoundNamespace, str]], config: Config, errors: Errors
    ) -> list[NamespaceSample]:
        listing = replace(config.listing, top=min(config.listing.top, TOP))
        config = replace(config, listing=listing)
        samples: list[NamespaceSample] = []
        for found, label in chosen:
            with _collected(errors):
                held = self._held.hold(found, label)
                if held is not None:
                    with self._switch.entered(held.descriptor):
                        samples.append(self._sample(held, config))
        return samples

    def _sample(self, held: HeldNamespace, config: Config) -> NamespaceSample:
        try:
            return held.sampler.take(config)
        except Exception as error:  # whatever bug one container's sockets reveal in this program
            # must not blind it to the host and all others
            if self._is_news(f"{held.netns}: {type(error).__name__}"):
                self._log.exception("sampling failed unexpectedly", netns=held.netns)
            raise SourceError("sampling", "failed unexpectedly") from error

    def _tell(self, errors: Errors) -> None:
        """Log once why a namespace cannot be read; the census has the number of such namespaces."""
        for reason in sorted({str(error) for error in errors}):
            if self._is_news(reason):
                self._log.warning("cannot read a network namespace", reason=reason)

    def _is_news(self, reason: str) -> bool:
        """Whether this has not been logged, or so long ago that it was forgotten."""
        if reason in self._told:
            return False
        if len(self._told) >= MAX_TOLD:
            self._told.clear()
        self._told.add(reason)
        return True
