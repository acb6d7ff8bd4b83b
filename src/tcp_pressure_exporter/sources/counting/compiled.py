"""The compiled parser of a dump: packs the rules for _tally.c and unpacks its result.

Raises ImportError if the extension was not built: the readable parser then takes its place.
"""

import secrets
import struct
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from operator import itemgetter
from typing import Any

from tcp_pressure_exporter.facts import ports
from tcp_pressure_exporter.facts.close_wait import CloseWaitCounts
from tcp_pressure_exporter.facts.outcome import SourceError, errno_reason
from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.facts.tally import (
    NETLINK,
    AddressPorts,
    Edge,
    GroupedKey,
    LocalAddress,
    NatRules,
    NetworkPorts,
    OtherPools,
    PoolCount,
    PoolKey,
    PoolTally,
    RowRules,
    SocketTally,
    TallyRules,
)
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sources.counting import _tally
from tcp_pressure_exporter.sources.netlink.socket import (
    ANSWER_SECONDS,
    DUMP_SECONDS,
    Datagram,
    Dump,
)

STATES = struct.Struct("=12Q12Q")  # [IPv4 on the wire][state]
STATE_SLOTS = 12
STATE_KEYS = tuple((v4, state) for v4 in (False, True) for state in STATE_NAMES)
in_their_order = itemgetter(*(v4 * STATE_SLOTS + state for v4, state in STATE_KEYS))
CLOSE_WAIT = struct.Struct("=4Q")  # in the order of CloseWaitCounts
KEPT_LENGTH = struct.Struct("=I")
NETWORK_PORTS = struct.Struct("=16sIHH")  # struct network_ports (core/network_ports.h)
GROUP_NETWORK = struct.Struct("=16sII")  # struct group_network (core/pool_groups.c)
KEY = struct.Struct("=16s16sI2s")  # what struct pool begins with (core/pool_table.h)
SEQUENCES = 0xFFFFFFFF  # 32 bits
NO_SECONDS = (0.0, 0.0)
NO_EDGE = Edge(2**62, 2**62, b"")  # in the far future: nothing is younger


def tally_datagrams(
    datagrams: Sequence[Datagram], sequence: int, rules: TallyRules, started_ms: int
) -> SocketTally:
    """Count the sockets of recorded datagrams, as readable.tally_datagrams does."""
    asked = (datagrams, sequence, (*NO_SECONDS, started_ms))
    return count_sockets(_tally.tally_datagrams, asked, rules)


def tally_dump(dump: Dump, rules: TallyRules) -> SocketTally:
    """Drain a dump from its netlink socket and count it, without the GIL.

    Raises SourceError as tally_datagrams does, and if the kernel is silent or not done in time;
    OSError if receiving fails.
    """
    asked = (dump.fileno(), dump.sequence, (ANSWER_SECONDS, DUMP_SECONDS, dump.started_ms))
    return count_sockets(_tally.tally_socket, asked, rules)


def tally_nat_datagrams(datagrams: Sequence[Datagram], sequence: int, rules: NatRules) -> PoolTally:
    """Count the connections of recorded datagrams, as translated.tally_nat does."""
    return _run_nat(_tally.tally_nat_datagrams, (datagrams, sequence, NO_SECONDS), rules)


def tally_nat_dump(dump: Dump, rules: NatRules) -> PoolTally:
    """Drain a dump of conntrack from its socket and count it, without the GIL; raises as above."""
    asked = (dump.fileno(), dump.sequence, (ANSWER_SECONDS, DUMP_SECONDS))
    return _run_nat(_tally.tally_nat_socket, asked, rules)


def _run_nat(
    count: Callable[..., Any], asked: tuple[object, int, tuple[float, float]], rules: NatRules
) -> PoolTally:
    source, sequence, times = asked
    listed = _pack_keys(rules.clients_of)
    packed = (_pack(rules.rows), rules.evicts, rules.translated, listed, secrets.randbits(64))
    pools, rows = call_counter(count, source, sequence & SEQUENCES, times, *packed)
    clients: dict[PoolKey, dict[bytes, int]] = {}
    for (client, _none, _port, place, _ports), (held, *_rest) in rows:
        clients.setdefault(rules.clients_of[place], {})[client] = held
    return replace(_pools(*pools), clients=clients)


def count_sockets(
    count: Callable[..., Any],
    asked: tuple[object, int, tuple[float, float, int]],
    rules: TallyRules,
    by: str = NETLINK,
) -> SocketTally:
    """Return what a function of the extension counts; by: the source of the sockets.

    Raises SourceError, OSError.
    """
    source, sequence, times = asked
    since = rules.since.seen_by(by) if rules.since else NO_EDGE
    packed = (
        tuple(map(ports.to_bitmap, (rules.usable, rules.blocked, rules.served))),
        (_pack_networks(rules.own), _pack_networks(rules.sources)),
        _pack_reuse(rules.reuse),
        (since.started_ms, since.cookies),
        (
            _pack(rules.outbound_rows),
            _pack(rules.inbound_rows),
            _pack(rules.privileged_rows),
            _pack(rules.explicit_rows),
        ),
    )
    # Each dump has its own seed: peers choose addresses, and could choose colliding ones.
    limits = (rules.kept_states, secrets.randbits(64))
    return _unpack(call_counter(count, source, sequence & SEQUENCES, times, packed, limits), by)


def call_counter(count: Callable[..., Any], *arguments: object) -> tuple[Any, ...]:
    """Return what a function of the extension counted; raises SourceError, OSError."""
    try:
        result: tuple[Any, ...] = count(*arguments)
    except ValueError as error:
        operation, reason = error.args
        text = errno_reason(reason) if isinstance(reason, int) else reason
        raise SourceError(operation, text) from error
    return result


def _pack(rules: RowRules) -> tuple[int, int, int, bytes, bytes]:
    groups = b"".join(GROUP_NETWORK.pack(*network) for network in rules.groups)
    return rules.min_used, rules.max_rows, rules.whole_from, _pack_keys(rules.watched), groups


def _pack_keys(keys: Iterable[PoolKey]) -> bytes:
    return b"".join(
        KEY.pack(key.local_address, key.remote_address, key.scope, key.port) for key in keys
    )


def _pack_reuse(reuse: TimeWaitReuse) -> tuple[int, int, int, int, int, int]:
    where = (reuse.everywhere, reuse.on_loopback)
    return (*where, reuse.delay_ms, reuse.whole_seconds, *reuse.lengths)


def _pack_networks(networks: Iterable[NetworkPorts]) -> bytes:
    return b"".join(NETWORK_PORTS.pack(*network) for network in networks)


def _unpack(result: tuple[Any, ...], by: str) -> SocketTally:
    (states, addresses, held, address_overflow, pools, accepted,
     close_wait, kept, kept_overflow, longest_left_ms, edge) = result  # fmt: skip
    started_ms, ended_ms, cookies = edge
    by_address = {LocalAddress(*found[:2]): _address_ports(*found[2:]) for found in addresses}
    outbound, inbound, privileged, explicit = (_pools(*found) for found in pools)
    return SocketTally(
        edge=Edge(started_ms, ended_ms, cookies, by),
        states=dict(zip(STATE_KEYS, in_their_order(STATES.unpack(states)), strict=True)),
        held=ports.from_bitmap(held),
        by_address=by_address,
        address_overflow=address_overflow,
        outbound=outbound,
        inbound=inbound,
        privileged=privileged,
        explicit=explicit,
        accepted=ports.from_bitmap(accepted),
        close_wait=CloseWaitCounts(*CLOSE_WAIT.unpack(close_wait)),
        kept=tuple(_kept(kept)),
        kept_overflow=kept_overflow,
        longest_left_ms=longest_left_ms,
    )


def _address_ports(begin: int, held: bytes, live: bytes) -> AddressPorts:
    """Return the ports of two bitmaps from byte `begin` onwards."""
    found = ports.from_bitmap(held) << 8 * begin
    return AddressPorts(found, found if live is held else ports.from_bitmap(live) << 8 * begin)


def _pools(
    rows: list[tuple[tuple[Any, ...], tuple[Any, ...]]],
    others: tuple[Any, ...],
    overflow: int,
    groups: list[tuple[bytes, int, bytes, int, tuple[Any, ...]]],
) -> PoolTally:
    counts = {PoolKey._make(key): PoolCount._make(count) for key, count in rows}
    sums = {GroupedKey(*row[:4]): OtherPools(*row[4]) for row in groups}
    return PoolTally(counts, OtherPools(*others), overflow, sums)


def _kept(packed: bytes) -> Iterator[bytes]:
    offset = 0
    while offset < len(packed):
        (length,) = KEPT_LENGTH.unpack_from(packed, offset)
        offset += KEPT_LENGTH.size
        yield packed[offset : offset + length]
        offset += length
