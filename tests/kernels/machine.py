"""Boots a kernel in QEMU and reads the results of the tests in it."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.kernels.guest import MARK
from tests.kernels.matrix import Machine

# In software, so that it runs wherever QEMU does.
TCG, KVM = "tcg,thread=multi", "kvm"
# Two processors, since the tests race threads.
FLAGS = (
    *("-smp", "2", "-m", "1536"),
    *("-nodefaults", "-no-reboot", "-display", "none", "-serial", "stdio"),
)
PARAMETERS = "loglevel=3 panic=-1 rdinit=/init random.trust_cpu=on random.trust_bootloader=on"


def boot(
    machine: Machine, image: Path, initramfs: Path, log: Path, accelerator: str = TCG
) -> Iterator[dict[str, Any]]:
    """Yield the results line by line until the machine is off; all its output is in the log."""
    parameters = f"console={machine.console} {PARAMETERS}"
    command = [
        *("nice", machine.program, "-accel", accelerator, *machine.flags, *FLAGS),
        *("-kernel", str(image), "-initrd", str(initramfs), "-append", parameters),
    ]
    with (
        log.open("w") as written,
        subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as qemu,
    ):
        assert qemu.stdout
        try:
            for line in qemu.stdout:
                written.write(line)
                if line.startswith(MARK):
                    yield json.loads(line.removeprefix(MARK))
        finally:
            qemu.kill()  # does nothing to a machine that is off
