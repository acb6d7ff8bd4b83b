"""The messages of ctnetlink: how to ask for the connections of a gateway.

Source: include/uapi/linux/netfilter/nfnetlink.h, nfnetlink_conntrack.h, nf_conntrack_common.h and
nf_conntrack_tcp.h; net/netfilter/nf_conntrack_netlink.c.
"""

import struct

from tcp_pressure_exporter.sources.netlink.messages import ATTRIBUTE, encode_dump_request

NFNL_SUBSYS_CTNETLINK = 1
CT_GET = NFNL_SUBSYS_CTNETLINK << 8 | 1  # IPCTNL_MSG_CT_GET
CT_NEW = NFNL_SUBSYS_CTNETLINK << 8 | 0  # IPCTNL_MSG_CT_NEW: an entry of the answer

FAMILY_HEADER = struct.Struct("=BBH")  # struct nfgenmsg: family, version, resource id
TYPE_MASK = 0x3FFF  # NLA_TYPE_MASK: without the flags of nested attributes and byte order

CTA_TUPLE_ORIG = 1
CTA_TUPLE_REPLY = 2
CTA_STATUS = 3
CTA_PROTOINFO = 4
CTA_ZONE = 18  # of both directions; a zone of one direction is in its tuple
CTA_STATUS_MASK = 26
CTA_TUPLE_IP = 1
CTA_TUPLE_PROTO = 2
CTA_TUPLE_ZONE = 3
CTA_IP_V4_SRC, CTA_IP_V4_DST, CTA_IP_V6_SRC, CTA_IP_V6_DST = 1, 2, 3, 4
CTA_PROTO_NUM, CTA_PROTO_SRC_PORT, CTA_PROTO_DST_PORT = 1, 2, 3
CTA_PROTOINFO_TCP = 1
CTA_PROTOINFO_TCP_STATE = 1

IPS_SRC_NAT = 0x10  # the source was translated, its address or its port: masquerade, SNAT
TCP_CONNTRACK_NONE = 0
TCP_CONNTRACK_TIME_WAIT = 7  # over from here on: next are CLOSE (reset) and SYN_SENT2
# Since this version of Linux, a new connection that finds no free port may end one that is over:
# net/netfilter/nf_nat_core.c, nf_nat_may_kill. Before, TIME_WAIT held its port for 120 s.
EVICTS_SINCE = (6, 5)


def encode_nat_request(sequence: int, *, translated: bool = True) -> bytes:
    """Return the request for the entries with a translated source, or for those without.

    The kernel leaves out the others; before 5.15 it does not know the filter and sends all.
    """
    wanted = IPS_SRC_NAT if translated else 0
    body = FAMILY_HEADER.pack(0, 0, 0)  # both families
    body += _attribute(CTA_STATUS, struct.pack("!I", wanted))
    body += _attribute(CTA_STATUS_MASK, struct.pack("!I", IPS_SRC_NAT))
    return encode_dump_request(CT_GET, body, sequence)


def _attribute(kind: int, value: bytes) -> bytes:
    return ATTRIBUTE.pack(ATTRIBUTE.size + len(value), kind) + value
