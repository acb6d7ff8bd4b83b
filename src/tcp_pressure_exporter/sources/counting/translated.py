"""The readable parser of a ctnetlink dump: datagrams in, NAT pools out. The oracle of the C code.

A connection is identified by the tuple of its replies: they come from the destination to the
address and port that replace the source. No two connections in a zone may share it, whether their
source was translated or not (net/netfilter/nf_nat_core.c, nf_nat_used_tuple).
"""

from collections.abc import Iterable
from dataclasses import replace
from socket import AF_INET, AF_INET6, IPPROTO_TCP

from tcp_pressure_exporter.facts.addresses import ADDRESS_BYTES, normal_address
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, PoolKey, PoolTally
from tcp_pressure_exporter.sources.counting.pools import NatClients, Pools, nat_pools
from tcp_pressure_exporter.sources.netlink.ctnetlink import (
    CT_NEW,
    CTA_IP_V4_DST,
    CTA_IP_V4_SRC,
    CTA_IP_V6_DST,
    CTA_IP_V6_SRC,
    CTA_PROTO_NUM,
    CTA_PROTO_SRC_PORT,
    CTA_PROTOINFO,
    CTA_PROTOINFO_TCP,
    CTA_PROTOINFO_TCP_STATE,
    CTA_STATUS,
    CTA_TUPLE_IP,
    CTA_TUPLE_ORIG,
    CTA_TUPLE_PROTO,
    CTA_TUPLE_REPLY,
    CTA_TUPLE_ZONE,
    CTA_ZONE,
    FAMILY_HEADER,
    IPS_SRC_NAT,
    TCP_CONNTRACK_NONE,
    TCP_CONNTRACK_TIME_WAIT,
    TYPE_MASK,
)
from tcp_pressure_exporter.sources.netlink.messages import attributes, dump_payloads

OPERATION = "ctnetlink message"
Attributes = dict[int, memoryview]


def tally_nat(datagrams: Iterable[bytes], sequence: int, rules: NatRules) -> PoolTally:
    """Count the TCP connections of a dump into pools: those with a translated source, or without.

    Raises SourceError as `dump_payloads` does, and on an entry that lacks a required attribute.
    """
    pools, clients = nat_pools(rules), NatClients(rules.clients_of)
    for payload in dump_payloads(datagrams, CT_NEW, sequence):
        entry = _attributes(payload[FAMILY_HEADER.size :])
        translated = int.from_bytes(_value(entry, CTA_STATUS, 4)) & IPS_SRC_NAT != 0
        if translated == rules.translated:
            _add(pools, clients, entry, evicts=rules.evicts)
    return replace(pools.result(rules.rows), clients=clients.result())


def _add(pools: Pools, clients: NatClients, entry: Attributes, *, evicts: bool) -> None:
    reply = _attributes(_value(entry, CTA_TUPLE_REPLY))
    protocol = _attributes(_value(reply, CTA_TUPLE_PROTO))
    if _value(protocol, CTA_PROTO_NUM, 1)[0] != IPPROTO_TCP:
        return
    addresses = _attributes(_value(reply, CTA_TUPLE_IP))
    key = PoolKey(
        local_address=_address(addresses, CTA_IP_V4_DST, CTA_IP_V6_DST),
        remote_address=_address(addresses, CTA_IP_V4_SRC, CTA_IP_V6_SRC),
        port=bytes(_value(protocol, CTA_PROTO_SRC_PORT, 2)),
        scope=_zone(entry, CTA_ZONE) or _zone(reply, CTA_TUPLE_ZONE),
    )
    state = _state(entry)
    if clients.wants(key[:4]):
        clients.add(key[:4], _client(entry))
    pools.add_tracked(
        key[:4],
        time_wait=state == TCP_CONNTRACK_TIME_WAIT,
        reclaimable=evicts and state >= TCP_CONNTRACK_TIME_WAIT,
    )


def _client(entry: Attributes) -> bytes:
    """Return the address that opened the connection."""
    original = _attributes(_value(entry, CTA_TUPLE_ORIG))
    addresses = _attributes(_value(original, CTA_TUPLE_IP))
    return _address(addresses, CTA_IP_V4_SRC, CTA_IP_V6_SRC)


def _state(entry: Attributes) -> int:
    """Return conntrack's state of the connection; the kernel gives none for one in a flow table."""
    if CTA_PROTOINFO not in entry:
        return TCP_CONNTRACK_NONE
    info = _attributes(entry[CTA_PROTOINFO])
    tcp = _attributes(_value(info, CTA_PROTOINFO_TCP))
    return _value(tcp, CTA_PROTOINFO_TCP_STATE, 1)[0]


def _zone(attributes: Attributes, kind: int) -> int:
    """Return a conntrack zone; the kernel leaves out the default one, 0."""
    return int.from_bytes(_value(attributes, kind, 2)) if kind in attributes else 0


def _address(addresses: Attributes, v4: int, v6: int) -> bytes:
    if v4 in addresses:
        return normal_address(AF_INET, bytes(_value(addresses, v4, 4)))
    return normal_address(AF_INET6, bytes(_value(addresses, v6, ADDRESS_BYTES)))


def _value(found: Attributes, kind: int, size: int | None = None) -> memoryview:
    value = found.get(kind)
    if value is None:
        raise SourceError(OPERATION, f"an entry without attribute {kind}")
    if size is not None and len(value) != size:
        raise SourceError(OPERATION, f"attribute {kind} has {len(value)} bytes, not {size}")
    return value


def _attributes(payload: memoryview) -> Attributes:
    found = attributes(payload, OPERATION, "attribute length")
    return {kind & TYPE_MASK: value for kind, value in found}
