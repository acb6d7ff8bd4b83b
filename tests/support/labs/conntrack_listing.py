"""What conntrack(8) and procfs show of the connections that are tracked."""

import re
import subprocess
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path

from tcp_pressure_exporter.facts.tally import PoolKey
from tests.support.fakes.tallies import Counts
from tests.support.messages.socket_entries import sixteen_bytes

FIELD = re.compile(r"\b(?:src|dst|sport|dport)=(\S+)")
REPLY_ZONE = re.compile(r" zone(?:-reply)?=([0-9]+)\b")
PATIENCE_SECONDS = 10
OVER = {"TIME_WAIT", "CLOSE", "SYN_SENT2"}  # net/netfilter/nf_nat_core.c, nf_nat_may_kill


def listed_pools(lines: Iterable[str]) -> dict[PoolKey, Counts]:
    """Count ports, those in TIME_WAIT and those of closed connections, from `-L -o extended`.

    A line has two tuples, the second for the replies: they go from the destination to what the
    gateway has put in place of the source.
    """
    pools: dict[PoolKey, Counts] = {}
    for line in lines:
        protocol = line.split()[2]
        if protocol == "tcp":
            key, state = _reply(line), _state(line)
            ports, time_wait, reclaimable = pools.get(key, (0, 0, 0))
            pools[key] = (
                *(ports + 1, time_wait + (state == "TIME_WAIT")),
                reclaimable + (state in OVER),
            )
    return pools


def _reply(line: str) -> PoolKey:
    *_original, remote, local, port, _translated = FIELD.findall(line)
    zone = REPLY_ZONE.search(line)
    return PoolKey(
        sixteen_bytes(local),
        sixteen_bytes(remote),
        int(port).to_bytes(2),
        int(zone[1]) if zone else 0,
    )


def _state(line: str) -> str:
    return line.partition(" src=")[0].split()[-1]


def conntrack_counter(name: str) -> int:
    """Return a column of /proc/net/stat/nf_conntrack, added up over the CPUs."""
    lines = Path("/proc/thread-self/net/stat/nf_conntrack").read_text().splitlines()
    column = lines[0].split().index(name)
    return sum(int(line.split()[column], 16) for line in lines[1:])


def tracked(*arguments: str) -> list[str]:
    """Return what `conntrack -L` prints of both families."""
    found = []
    for family in ("ipv4", "ipv6"):
        command = ["conntrack", "-L", "-f", family, *arguments]
        shown = subprocess.run(command, capture_output=True, text=True, check=True)
        found += shown.stdout.splitlines()
    return found


def wait_for_states(expected: Mapping[str, int]) -> None:
    """Wait until conntrack has seen the last segments: TCP entries by state."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while (found := _states()) != expected:
        assert time.monotonic() < deadline, f"{found}, not {expected}"
        time.sleep(0.01)


def _states() -> Mapping[str, int]:
    return Counter(_state(line) for line in tracked("-p", "tcp"))
