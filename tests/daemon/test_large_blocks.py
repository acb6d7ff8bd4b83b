"""Memory that a sample needed for a moment goes back to the system."""

import subprocess
import sys

# Frees 16 MiB, from which glibc learns that blocks of 8 MiB belong into its heap; prints how much
# of such a block is kept after it is freed, in KiB.
KEPT = """
import re, sys
from pathlib import Path
from tcp_pressure_exporter.daemon.command import return_large_blocks

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1])

if sys.argv[1:] == ["returned"]:
    return_large_blocks()
large = bytearray(b"x" * 2**24)
del large
before = resident()
block = bytearray(b"x") * 2**23
del block
print(resident() - before)
"""
BLOCK_KIB = 8192


def test_large_blocks_are_returned() -> None:
    """A block of 8 MiB is kept by glibc after it was freed, and is not if we ask for that."""
    assert _kept() > BLOCK_KIB // 2
    assert _kept("returned") < BLOCK_KIB // 8


def _kept(*arguments: str) -> int:
    command = (sys.executable, "-c", KEPT, *arguments)
    return int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
