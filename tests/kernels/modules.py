"""Kernel modules of an unpacked package, in the order in which they can be loaded.

Source: each module names what it depends on in its section .modinfo (include/linux/moduleparam.h).
"""

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from tests.kernels.debian import read_module

# What the tests use: sock_diag, network devices, translation, and the clocks and devices of QEMU.
WANTED = (
    *("inet_diag", "tcp_diag", "udp_diag", "raw_diag", "unix_diag", "netlink_diag"),
    *("veth", "vrf", "dummy", "nf_conntrack", "nf_conntrack_netlink", "nf_tables", "nft_ct"),
    *("nft_chain_nat", "nft_nat", "nft_masq", "nft_numgen", "nft_reject_inet", "nft_limit"),
    *(
        "nft_counter",
        "nft_objref",
        "nft_fib_inet",
        "nft_redir",
        "nft_tproxy",
        "sch_netem",
        "virtio_rng",
    ),
)
DEPENDS = re.compile(rb"\0depends=([^\0]*)\0")


def modules_in_order(package: Path, wanted: Iterable[str] = WANTED) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of the wanted modules, except those built in or missing."""
    files = {
        path.name.partition(".ko")[0].replace("-", "_"): path for path in package.rglob("*.ko*")
    }
    done: set[str] = set()

    def load(name: str) -> Iterator[tuple[str, bytes]]:
        if name in done or name not in files:
            return
        done.add(name)
        content = read_module(files[name])
        match = DEPENDS.search(content)
        needed = match[1].decode().replace("-", "_") if match else ""
        for other in filter(None, needed.split(",")):
            yield from load(other)
        yield name, content

    for name in wanted:
        yield from load(name)
