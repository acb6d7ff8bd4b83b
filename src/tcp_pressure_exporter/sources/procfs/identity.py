"""The kernel's boot id, and the network namespace of this process."""

from hashlib import sha256
from pathlib import Path

from tcp_pressure_exporter.facts.kernel import Identity
from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.sources.procfs.files import read_sysctl

DIGITS = 32  # of the hash
SALT = b"tcp-pressure-exporter"


def read_identity(procfs: Path) -> Identity | None:
    """Return where this process runs; None if the system does not tell.

    The boot id itself is not published: sd_id128_get_boot_app_specific(3) says why.
    """
    try:
        boot = read_sysctl(procfs, "kernel.random.boot_id")
        namespace = (procfs / "self" / "ns" / "net").stat().st_ino
    except (OSError, SourceError):
        return None
    if not boot:
        return None
    return Identity(sha256(SALT + boot.encode()).hexdigest()[:DIGITS], namespace)
