"""What the suite runs on."""

import os
import platform
import re
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

from benchmarks.results import Machine

CPU_NAME = re.compile(r"^model name\s*: (.+)$", re.MULTILINE)


def describe_machine(peer_versions: dict[str, str]) -> Machine:
    """Return the machine, and the versions of what is compared."""
    name = CPU_NAME.search(Path("/proc/cpuinfo").read_text())
    buckets = Path("/proc/sys/net/ipv4/tcp_ehash_entries")
    return Machine(
        date=datetime.now(UTC).date().isoformat(),
        cpu=name[1] if name else platform.machine(),
        cores=os.cpu_count() or 1,
        kernel=platform.release(),
        # Since Linux 6.1; 0 if the kernel does not say.
        hash_buckets=abs(int(buckets.read_text())) if buckets.exists() else 0,
        versions={
            "exporter": version("tcp-pressure-exporter"),
            "python": platform.python_version(),
            **peer_versions,
        },
    )
