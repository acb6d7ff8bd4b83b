"""The addresses that belong to this host by its routing: single ones, and whole networks.

They matter only where connections to other hosts arrive here too (TPROXY): otherwise every local
address is the host's. Source: include/uapi/linux/rtnetlink.h; the kernel keeps them in the table
RT_TABLE_LOCAL.
"""

import socket
import struct
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from socket import AF_INET, AF_INET6

from tcp_pressure_exporter.facts.addresses import ADDRESS_BYTES, normal_address
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.tally import NetworkPorts
from tcp_pressure_exporter.sources.netlink.messages import (
    attributes,
    dump_payloads,
    encode_dump_request,
)
from tcp_pressure_exporter.sources.netlink.socket import NetlinkSocket

NETLINK_ROUTE = 0  # include/uapi/linux/netlink.h
SOL_NETLINK = 270
NETLINK_GET_STRICT_CHK = 12  # makes the kernel leave out other tables (Linux 4.20)
RTM_NEWROUTE, RTM_GETROUTE = 24, 26
RTN_LOCAL = 2
RT_TABLE_LOCAL = 255
RTA_DST = 1
# struct rtmsg: family, dst_len, src_len, tos; table, protocol, scope, type; flags
ROUTE = struct.Struct("=BBBBBBBBI")
ADDRESS_BITS = {AF_INET: 32, AF_INET6: 128}
MAX_NETWORKS = 4_096  # per family; beyond it an address may be taken for another host's


def open_route_socket() -> socket.socket:
    """Open a socket that asks in the calling thread's network namespace."""
    opened = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_ROUTE)
    with suppress(OSError):  # then all tables come, and the parser ignores the others
        opened.setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK, 1)
    return opened


class LocalRoutes:
    """Asks in the calling thread's network namespace."""

    def __init__(
        self,
        open_socket: Callable[[], socket.socket] = open_route_socket,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._netlink = NetlinkSocket("rtnetlink dump", open_socket, clock)

    def networks(self) -> tuple[NetworkPorts, ...]:
        """Return the networks whose addresses are this host's, loopback included.

        Raises SourceError.
        """
        return tuple(network for family in ADDRESS_BITS for network in self._of(family))

    def _of(self, family: int) -> list[NetworkPorts]:
        return self._netlink.dump(
            lambda sequence: encode_local_routes_request(family, sequence),
            lambda dump: parse_local_routes(dump.contents(), dump.sequence),
        )

    def close(self) -> None:
        """Close the netlink socket; the next question opens another."""
        self._netlink.close()


def encode_local_routes_request(family: int, sequence: int) -> bytes:
    """Return the request for the local table of a family."""
    body = ROUTE.pack(family, 0, 0, 0, RT_TABLE_LOCAL, 0, 0, RTN_LOCAL, 0)
    return encode_dump_request(RTM_GETROUTE, body, sequence)


def parse_local_routes(datagrams: Iterable[bytes], sequence: int) -> list[NetworkPorts]:
    """Return the first MAX_NETWORKS networks of a dump.

    Raises SourceError as `dump_payloads` does, and on an entry that makes no sense.
    """
    found: list[NetworkPorts] = []
    for payload in dump_payloads(datagrams, RTM_NEWROUTE, sequence):
        network = _parse_route(payload)
        if network is not None and len(found) < MAX_NETWORKS:
            found.append(network)  # the others must still be received
    return found


def _parse_route(payload: memoryview) -> NetworkPorts | None:
    if len(payload) < ROUTE.size:
        raise SourceError("rtnetlink message", f"{len(payload)} bytes, a route has {ROUTE.size}")
    family, prefix, _source, _tos, table, _protocol, _scope, kind, _flags = ROUTE.unpack_from(
        payload
    )
    bits = ADDRESS_BITS.get(family)
    if bits is None or (table, kind) != (RT_TABLE_LOCAL, RTN_LOCAL):
        return None
    if prefix > bits:
        raise SourceError("rtnetlink message", f"a prefix of {prefix} bits")
    found = dict(attributes(payload[ROUTE.size :], "rtnetlink attribute"))
    address = bytes(found.get(RTA_DST, bytes(bits // 8)))
    if len(address) != bits // 8:
        raise SourceError("rtnetlink message", f"an address of {len(address)} bytes")
    return NetworkPorts(normal_address(family, address), prefix + 8 * ADDRESS_BYTES - bits)
