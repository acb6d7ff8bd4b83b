"""The network namespaces that are sampled beside the own one, each open until it is let go."""

import os
from collections.abc import Callable, Collection
from typing import NamedTuple

from tcp_pressure_exporter.sampler import NamespaceSampler
from tcp_pressure_exporter.sources.netlink.namespace import Namespace
from tcp_pressure_exporter.sources.netns.discovery import FoundNamespace, open_namespace
from tcp_pressure_exporter.sources.netns.label import unique_label
from tcp_pressure_exporter.sources.netns.switch import NamespaceSwitch


class HeldNamespace(NamedTuple):
    """A namespace, its sampler, and what the sampler asks.

    label: as it is named outside. netns: the same, or what tells it from another of that name.
    """

    label: str
    netns: str
    descriptor: int
    namespace: Namespace
    sampler: NamespaceSampler


class HeldNamespaces:
    """Keeps a descriptor and a diag socket for each of them, and so the namespace itself alive.

    another: makes the sampler of a namespace under its label, and what it asks.
    own_netns: a label that none of them may have. switch: goes there and back.
    """

    def __init__(
        self,
        another: Callable[[str], tuple[Namespace, NamespaceSampler]],
        own_netns: str,
        switch: NamespaceSwitch,
    ) -> None:
        self._another = another
        self._own_netns = own_netns
        self._switch = switch
        self._held: dict[int, HeldNamespace] = {}

    @property
    def inodes(self) -> Collection[int]:
        """The namespaces that are held."""
        return self._held.keys()

    def get(self, inode: int) -> HeldNamespace | None:
        """Return a namespace that is held."""
        return self._held.get(inode)

    def hold(self, found: FoundNamespace, label: str) -> HeldNamespace | None:
        """Return the namespace, opened if need be; None where it is gone.

        Raises SourceError, AwayError.
        """
        held = self._held.get(found.inode)
        if held is None:
            descriptor = self._open(found)
            if descriptor is None:
                return None
            taken = {self._own_netns, *(other.netns for other in self._held.values())}
            netns = unique_label(label, found.inode, taken)
            held = HeldNamespace(label, netns, descriptor, *self._another(netns))
            self._held[found.inode] = held
        return held

    def keep(self, inodes: Collection[int]) -> None:
        """Let all go but these."""
        for inode in self._held.keys() - set(inodes):
            held = self._held.pop(inode)
            held.namespace.close()
            os.close(held.descriptor)

    def _open(self, found: FoundNamespace) -> int | None:
        descriptor = open_namespace(found)
        if descriptor is None:
            return None
        try:
            return self._switch.reopened(descriptor)
        finally:
            os.close(descriptor)
