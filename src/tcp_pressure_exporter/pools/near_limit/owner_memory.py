"""Who had live sockets in a pool lately: a single look finds few short connections, or none."""

import heapq
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.groups import ListedKey
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.pools.near_limit.closer_look import MAX_TARGETS, MOST_KNOWN
from tcp_pressure_exporter.pools.table import ListedPool

REMEMBERED = 300.0  # seconds: pressure comes in waves, and people read about it later
MAX_OWNERS = 2  # reported for one pool
HALF_LIFE = 60.0  # seconds after which a socket seen counts half


class _Seen(NamedTuple):
    """sockets: in the latest look; at: when a look last saw any; weight: over all looks."""

    sockets: int
    at: float
    weight: float

    def by(self, now: float) -> float:
        return self.weight * math.exp2((self.at - now) / HALF_LIFE)


class _Known(NamedTuple):
    """A pool: when it was last urgent, and who was seen in it."""

    urgent_at: float
    owners: Mapping[Owner, _Seen] = {}


@dataclass(frozen=True, slots=True)
class OwnerMemory:
    """The pools that are urgent, or were lately, and their owners; at most MAX_TARGETS pools."""

    known: Mapping[ListedKey, _Known] = field(default_factory=dict)

    def watching(
        self, listed: Sequence[ListedPool], urgency: Callable[[ListedPool], int], now: float
    ) -> "OwnerMemory":
        """Return what is known about the pools that matter now, the most urgent first.

        urgency: 0 for a calm pool. A pool that has calmed down stays for REMEMBERED seconds if the
        urgent ones leave room.
        """
        urgent = sorted((pool for pool in listed if urgency(pool)), key=lambda p: -urgency(p))
        keys = [pool.key for pool in urgent]
        lately = [pool.key for pool in listed if pool.key not in keys and self._lately(pool, now)]
        chosen = (*keys, *lately)[:MAX_TARGETS]
        return OwnerMemory({key: self._still_known(key, now, key in keys) for key in chosen})

    def _lately(self, pool: ListedPool, now: float) -> bool:
        known = self.known.get(pool.key)
        return known is not None and now - known.urgent_at < REMEMBERED

    def _still_known(self, key: ListedKey, now: float, urgent: bool) -> _Known:  # noqa: FBT001 - of a key
        known = self.known.get(key, _Known(now))
        seen = {owner: one for owner, one in known.owners.items() if now - one.at < REMEMBERED}
        return _Known(now if urgent else known.urgent_at, seen)

    def after(self, found: Mapping[ListedKey, Iterable[OwnerCount]], now: float) -> "OwnerMemory":
        """Return what is known after another look at all pools."""
        return OwnerMemory(
            {
                key: known._replace(owners=_looked(known.owners, found.get(key, ()), now))
                for key, known in self.known.items()
            }
        )

    def nobody_in(self, key: ListedKey) -> bool:
        """Tell whether no owner of a pool is known."""
        return not self.known[key].owners

    def owners(self, key: ListedKey, now: float) -> tuple[SeenOwner, ...]:
        """Return the owners of a pool: those with the most sockets over all recent looks."""
        owners = self.known[key].owners
        most = heapq.nlargest(MAX_OWNERS, owners, key=lambda owner: owners[owner].by(now))
        return tuple(
            SeenOwner(owner, owners[owner].sockets, now - owners[owner].at) for owner in most
        )


def _looked(
    known: Mapping[Owner, _Seen], found: Iterable[OwnerCount], now: float
) -> Mapping[Owner, _Seen]:
    """Return the owners after another look, those with the most sockets lately."""
    seen = {owner: one._replace(sockets=0) for owner, one in known.items()}
    for owner, sockets in found:
        before = seen.get(owner)
        seen[owner] = _Seen(sockets, now, sockets + (before.by(now) if before else 0.0))
    named = _without_halves(seen)
    kept = heapq.nlargest(MOST_KNOWN, named, key=lambda owner: named[owner].by(now))
    return {owner: named[owner] for owner in kept}


def _without_halves(seen: Mapping[Owner, _Seen]) -> dict[Owner, _Seen]:
    """Attribute sockets without a process to the one known process of their service.

    A short connection may end before its process is found, but its service is known.
    """
    processes: dict[str, list[Owner]] = {}
    for owner in seen:
        if owner.process:
            processes.setdefault(owner.service, []).append(owner)
    whole = dict(seen)
    for owner, half in seen.items():
        named = processes.get(owner.service, [])
        if owner.service and not owner.process and len(named) == 1:
            del whole[owner]
            whole[named[0]] = _together(whole[named[0]], half)
    return whole


def _together(one: _Seen, other: _Seen) -> _Seen:
    at = max(one.at, other.at)
    return _Seen(one.sockets + other.sockets, at, one.by(at) + other.by(at))
