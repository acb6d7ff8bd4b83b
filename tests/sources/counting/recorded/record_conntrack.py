"""Records a dump of conntrack, and what is shown of it elsewhere; README.md says how to run it."""

import socket
import struct
from pathlib import Path

from tests.sources.counting.recorded.record import HERE, record_dump
from tests.support.labs.conntrack_listing import tracked, wait_for_states
from tests.support.labs.gateway_lab import (
    KNOWN_SERVER,
    OTHER_SERVER,
    OUTSIDE,
    SECOND_OUTSIDE,
    SERVER,
    SERVER6,
    SILENT,
    VIRTUAL,
    GatewayLab,
    open_gateway_lab,
    translate,
)
from tests.support.labs.lab import time_wait_here
from tests.support.messages.conntrack_messages import GET
from tests.support.messages.datagrams import DUMP_REQUEST, SEQUENCE

NETLINK_NETFILTER = 12
IN_TURN = f"numgen inc mod 2 map {{ 0 : {OUTSIDE}, 1 : {SECOND_OUTSIDE} }}"
RULES = f"""
table ip nat {{
    chain in {{
        type nat hook prerouting priority dstnat
        ip daddr {VIRTUAL} dnat to {SERVER}
    }}
    chain out {{
        type nat hook postrouting priority srcnat
        ip daddr {KNOWN_SERVER} accept
        ip daddr {OTHER_SERVER} meta l4proto tcp snat to {IN_TURN}
        oifname outside meta l4proto tcp ct mark set 5 masquerade to :40000-40999
        oifname outside masquerade
    }}
}}
table ip6 nat {{
    chain out {{
        type nat hook postrouting priority srcnat
        oifname outside masquerade
    }}
}}
"""
# A raw socket of ICMPv6 adds its checksum, one of ICMP does not: RFC 792, RFC 1071.
ECHO = struct.pack("!BBHHH", 8, 0, 0xF7F9, 5, 1)
ECHO6 = struct.pack("!BBHHH", 128, 0, 0, 5, 1)


def set_scene(lab: GatewayLab) -> None:
    Path("/proc/sys/net/netfilter/nf_conntrack_acct").write_text("1\n")
    translate(RULES)
    for remote, live, closed in (
        (SERVER, 12, 5),
        (OTHER_SERVER, 6, 0),
        (KNOWN_SERVER, 3, 1),
        (VIRTUAL, 3, 1),
        (SERVER6, 4, 2),
    ):
        for _ in range(live):
            lab.connect(remote)
        for _ in range(closed):
            time_wait_here(lab.connect(remote))
    for _ in range(2):
        lab.start(SILENT)
        client, _accepted = lab.connect(SERVER)
        client.shutdown(socket.SHUT_WR)
        reset, _accepted = lab.connect(SERVER)
        reset.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        reset.close()
        lab.send_datagram(SERVER)
    lab.send_raw(SERVER, socket.IPPROTO_ICMP, ECHO)
    lab.send_raw(SERVER6, socket.IPPROTO_ICMPV6, ECHO6)


def main() -> None:
    with open_gateway_lab() as lab:
        set_scene(lab)
        wait_for_states(
            {"ESTABLISHED": 28, "TIME_WAIT": 9, "CLOSE_WAIT": 2, "CLOSE": 2, "SYN_SENT": 2}
        )
        family_header = bytes(4)  # struct nfgenmsg: both families; nothing is filtered
        header = struct.pack("=IHHII", 20, GET, DUMP_REQUEST, SEQUENCE, 0)
        (HERE / "conntrack.bin").write_bytes(record_dump(NETLINK_NETFILTER, header + family_header))
        shown = tracked("--src-nat", "-o", "extended")
        text = Path("/proc/thread-self/net/nf_conntrack").read_text()
    (HERE / "conntrack.txt").write_text("\n".join([*shown, ""]))
    (HERE / "nf_conntrack.txt").write_text(text)


if __name__ == "__main__":
    main()
