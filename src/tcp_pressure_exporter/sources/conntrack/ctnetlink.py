"""ctnetlink: how the translated connections of a gateway are asked for, and the readable parser.

Datagrams in, NAT pools out; the oracle of the compiled parser. A translated connection is known by
the tuple of its replies: they come from the destination to the address and port that the gateway
has put in place of the source.

Source: include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h, nf_conntrack_common.h and
nf_conntrack_tcp.h; net/netfilter/nf_conntrack_netlink.c.
"""

import struct
from collections.abc import Iterable, Iterator
from socket import AF_INET, AF_INET6, IPPROTO_TCP

from tcp_pressure_exporter.facts.addresses import ADDRESS_BYTES, normal_address
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NatRules, PoolKey, PoolTally
from tcp_pressure_exporter.sources.counting.pools import Pools
from tcp_pressure_exporter.sources.netlink.messages import dump_payloads, encode_dump_request

NFNL_SUBSYS_CTNETLINK = 1
CT_GET = NFNL_SUBSYS_CTNETLINK << 8 | 1  # IPCTNL_MSG_CT_GET
CT_NEW = NFNL_SUBSYS_CTNETLINK << 8 | 0  # IPCTNL_MSG_CT_NEW: an entry of the answer

FAMILY_HEADER = struct.Struct("=BBH")  # struct nfgenmsg: family, version, resource id
ATTRIBUTE = struct.Struct("=HH")  # struct nlattr: length, type
TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK: without the flags of nested attributes and byte order

CTA_TUPLE_REPLY = 2
CTA_STATUS = 3
CTA_PROTOINFO = 4
CTA_STATUS_MASK = 26
CTA_TUPLE_IP = 1
CTA_TUPLE_PROTO = 2
CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST = 1, 2, 3, 4
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_PROTOINFO_TCP = 1
CTA_PROTOINFO_TCP_STATE = 1

IPS_SRC_NAT = 0x10  # the source was translated: masquerade, SNAT
TCP_CONNTRACK_NONE = 0
TCP_CONNTRACK_TIME_WAIT = 7  # from here on over: then come CLOSE (reset) and SYN_SENT2
# Since this Linux a new connection that finds no free port may end one that is over:
# net/netfilter/nf_nat_core.c, nf_nat_may_kill. Before, TIME_WAIT holds its port for 120 s.
EVICTS_SINCE = (6, 5)


def encode_nat_request(sequence: int) -> bytes:
    """Return the request for all entries whose source address or port was translated.

    The kernel leaves the others out; one before 5.15 does not know the filter and sends all.
    """
    flag = struct.pack("!I", IPS_SRC_NAT)
    body = FAMILY_HEADER.pack(0, 0, 0)  # both families
    body += _attribute(CTA_STATUS, flag) + _attribute(CTA_STATUS_MASK, flag)
    return encode_dump_request(CT_GET, body, sequence)


def _attribute(kind: int, value: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value


OPERATION = "ctnetlink message"
Attributes = dict[int, memoryview]


def tally_nat(datagrams: Iterable[bytes], sequence: int, rules: NatRules) -> PoolTally:
    """Count the translated TCP connections of a dump into pools.

    Raises SourceError as `dump_payloads` does and on an entry that lacks what it must have.
    """
    pools = Pools()
    for payload in dump_payloads(datagrams, CT_NEW, sequence):
        entry = _attributes(payload[FAMILY_HEADER.size :])
        if int.from_bytes(_value(entry, CTA_STATUS, 4)) & IPS_SRC_NAT:
            _add(pools, entry, evicts=rules.evicts)
    return pools.result(rules.rows)


def _add(pools: Pools, entry: Attributes, *, evicts: bool) -> None:
    reply = _attributes(_value(entry, CTA_TUPLE_REPLY))
    protocol = _attributes(_value(reply, CTA_TUPLE_PROTO))
    if _value(protocol, CTA_PROTO_NUM, 1)[0] != IPPROTO_TCP:
        return
    addresses = _attributes(_value(reply, CTA_TUPLE_IP))
    key = PoolKey(
        local_address=_address(addresses, CTA_IP_V4_DST, CTA_IP_V6_DST),
        remote_address=_address(addresses, CTA_IP_V4_SRC, CTA_IP_V6_SRC),
        port=bytes(_value(protocol, CTA_PROTO_SRC_PORT, 2)),
    )
    state = _state(entry)
    pools.add_translated(
        key,
        time_wait=state == TCP_CONNTRACK_TIME_WAIT,
        reclaimable=evicts and state >= TCP_CONNTRACK_TIME_WAIT,
    )


def _state(entry: Attributes) -> int:
    """Return conntrack's state of the connection; that of one in a flow table is not told."""
    if CTA_PROTOINFO not in entry:
        return TCP_CONNTRACK_NONE
    info = _attributes(entry[CTA_PROTOINFO])
    tcp = _attributes(_value(info, CTA_PROTOINFO_TCP))
    return _value(tcp, CTA_PROTOINFO_TCP_STATE, 1)[0]


def _address(addresses: Attributes, v4: int, v6: int) -> bytes:
    if v4 in addresses:
        return normal_address(AF_INET, bytes(_value(addresses, v4, 4)))
    return normal_address(AF_INET6, bytes(_value(addresses, v6, ADDRESS_BYTES)))


def _value(attributes: Attributes, kind: int, size: int | None = None) -> memoryview:
    value = attributes.get(kind)
    if value is None:
        raise SourceError(OPERATION, f"an entry without attribute {kind}")
    if size is not None and len(value) != size:
        raise SourceError(OPERATION, f"attribute {kind} has {len(value)} bytes, not {size}")
    return value


def _attributes(payload: memoryview) -> Attributes:
    return dict(_walk(payload))


def _walk(payload: memoryview) -> Iterator[tuple[int, memoryview]]:
    while len(payload) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(payload)
        if not ATTRIBUTE.size <= length <= len(payload):
            raise SourceError(OPERATION, f"attribute length {length}, {len(payload)} bytes left")
        yield kind & TYPE_MASK, payload[ATTRIBUTE.size : length]
        payload = payload[(length + 3) & ~3 :]
