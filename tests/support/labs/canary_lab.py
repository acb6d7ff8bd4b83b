"""For the tests of the canary on the real kernel: probes, with and without rights, and counters."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from ipaddress import IPv6Address
from pathlib import Path

from tcp_pressure_exporter.facts.ports import port_range
from tcp_pressure_exporter.facts.questions import CanaryAnswer
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.sources.canary.canary import Canary
from tests.support.labs.lab import SERVER_PORT
from tests.support.labs.network_namespace import set_sysctl

LOW, HIGH = 40000, 40039
RANGE = port_range(LOW, HIGH)
NOBODY = 65534
PROCFS = Path("/proc")


def pool(local: str, remote: str, port: int = SERVER_PORT) -> PoolKey:
    ends = [f"::ffff:{end}" if "." in end else end for end in (local, remote)]
    return PoolKey(IPv6Address(ends[0]).packed, IPv6Address(ends[1]).packed, port.to_bytes(2))


POOL = pool("127.0.0.1", "127.0.0.9")
POOL6 = pool("::1", "::1")


def use_small_range() -> None:
    """Set a range of 40 ports with nothing in it to take over."""
    set_sysctl("ip_local_port_range", f"{LOW} {HIGH}")
    set_sysctl("tcp_tw_reuse", 0)


@contextmanager
def privilege(*, root: bool) -> Iterator[None]:
    """Unless `root`, give up root's rights: as user nobody, with no effective capability."""
    if not root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


def whole_range(key: PoolKey = POOL) -> CanaryAnswer:
    return Canary().probe(key, reuse=False, free_ports=0)


def single_ports(free_ports: int) -> CanaryAnswer:
    return Canary().probe(POOL, reuse=True, free_ports=free_ports)


def counters() -> dict[str, int]:
    """Return the counters of /proc/net/snmp and netstat, and the packets and bytes of `lo`."""
    net = PROCFS / "thread-self/net"
    found = {}
    for name in ("snmp", "netstat"):
        lines = (net / name).read_text().splitlines()
        for names, values in zip(lines[::2], lines[1::2], strict=True):
            group, *keys = names.split()
            numbers = values.split()[1:]
            found.update({group + k: int(n) for k, n in zip(keys, numbers, strict=True)})
    interface = (net / "dev").read_text().split("lo:")[1].split()
    return found | {"lo packets": int(interface[9]), "lo bytes": int(interface[8])}


def moved(before: dict[str, int]) -> dict[str, int]:
    """Return the counters that moved since, and by how much."""
    return {name: n - before.get(name, 0) for name, n in counters().items() if n != before[name]}
