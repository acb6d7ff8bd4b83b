import socket
import struct

from tcp_pressure_exporter.sources.netlink import ctnetlink as conntrack
from tcp_pressure_exporter.sources.netlink.ctnetlink import encode_nat_request
from tests.support.messages import conntrack_messages
from tests.support.messages.conntrack_messages import GET, SRC_NAT, STATUS_MASK, status
from tests.support.messages.datagrams import DUMP_REQUEST, attribute


def test_request() -> None:
    """The request dumps both families, only entries with the flag of a translated source."""
    family_header = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)  # struct nfgenmsg
    body = family_header + status(SRC_NAT) + attribute(STATUS_MASK, struct.pack("!I", SRC_NAT))
    header = struct.pack("=IHHII", 16 + len(body), GET, DUMP_REQUEST, 9, 0)
    assert encode_nat_request(9) == header + body
    assert len(body) == 4 + 8 + 8


def test_request_for_the_others() -> None:
    """The request for the others asks for the same flag, unset."""
    family_header = struct.pack("=BBH", socket.AF_UNSPEC, 0, 0)
    body = family_header + status(0) + attribute(STATUS_MASK, struct.pack("!I", SRC_NAT))
    header = struct.pack("=IHHII", 16 + len(body), GET, DUMP_REQUEST, 9, 0)
    assert encode_nat_request(9, translated=False) == header + body


def test_states() -> None:
    """Conntrack's states are numbered as in nf_conntrack_tcp.h."""
    assert conntrack.TCP_CONNTRACK_NONE == conntrack_messages.NONE
    assert conntrack.TCP_CONNTRACK_TIME_WAIT == conntrack_messages.TIME_WAIT == 7
