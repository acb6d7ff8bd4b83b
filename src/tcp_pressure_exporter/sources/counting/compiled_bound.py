"""The compiled counter of sockets that own a port: packs the rules for _tally.c, and unpacks.

Raises ImportError if the extension was not built, as compiled.py does.
"""

import secrets
import struct
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from tcp_pressure_exporter.facts.bound import (
    MAX_QUEUES,
    AcceptQueue,
    BoundRules,
    BoundTally,
    KeptSockets,
    QueueKey,
)
from tcp_pressure_exporter.facts.ports import from_bitmap, to_bitmap
from tcp_pressure_exporter.facts.sockets import SocketId
from tcp_pressure_exporter.sources.counting import _tally
from tcp_pressure_exporter.sources.counting.compiled import NO_SECONDS, SEQUENCES, call_counter
from tcp_pressure_exporter.sources.netlink.socket import (
    ANSWER_SECONDS,
    DUMP_SECONDS,
    Datagram,
    Dump,
)

QUEUE_KEY = struct.Struct("=16sIHxx")  # address, scope, port: struct queue_key


def tally_bound_datagrams(
    datagrams: Sequence[Datagram], sequence: int, rules: BoundRules
) -> BoundTally:
    """Count the sockets of recorded datagrams, as bound.tally_bound_datagrams does."""
    return _run(_tally.tally_bound_datagrams, (datagrams, sequence, NO_SECONDS), rules)


def tally_bound_dump(dump: Dump, rules: BoundRules) -> BoundTally:
    """Drain a dump from its netlink socket and count it, without the GIL.

    Raises SourceError as tally_bound_datagrams does, and if the kernel is silent or not done in
    time; OSError if receiving fails.
    """
    asked = (dump.fileno(), dump.sequence, (ANSWER_SECONDS, DUMP_SECONDS))
    return _run(_tally.tally_bound_socket, asked, rules)


def _run(
    count: Callable[..., Any], asked: tuple[object, int, tuple[float, float]], rules: BoundRules
) -> BoundTally:
    source, sequence, times = asked
    watched = b"".join(
        QUEUE_KEY.pack(key.address, key.scope, key.port)
        for key in islice(rules.watched, MAX_QUEUES)
    )
    packed = (to_bitmap(rules.usable), watched, secrets.randbits(64))
    return _unpack(call_counter(count, source, sequence & SEQUENCES, times, *packed))


def _unpack(result: tuple[Any, ...]) -> BoundTally:
    (v6, v4, listening, bound_only, dual_stack, anywhere, overflow,
     addresses, queues, transparent, kept, kept_overflow) = result  # fmt: skip
    return BoundTally(
        listeners={False: v6, True: v4},
        listening=from_bitmap(listening),
        bound_only=from_bitmap(bound_only),
        by_address=dict(addresses),
        dual_stack=from_bitmap(dual_stack),
        anywhere=from_bitmap(anywhere),
        overflow=overflow,
        queues=tuple(_queues(queues)),
        transparent=bool(transparent),
        kept=KeptSockets(kept),
        kept_overflow=kept_overflow,
    )


def _queues(rows: list[tuple[Any, ...]]) -> Iterator[AcceptQueue]:
    for _order, address, port, scope, used, limit, inode, has_cgroup, cgroup_id in sorted(rows):
        owner_id = SocketId(inode, cgroup_id if has_cgroup else None)
        yield AcceptQueue(QueueKey(address, port, scope), used, limit, owner_id)
