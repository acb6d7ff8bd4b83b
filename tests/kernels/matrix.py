"""The kernels of the matrix: which Debian package each one is, and the machine that boots it."""

from typing import NamedTuple


class Machine(NamedTuple):
    """A kind of computer that QEMU emulates.

    architecture: Debian's name. console: the serial port as Linux calls it. flags: QEMU's, in
    addition to those of every machine.
    """

    architecture: str
    program: str
    console: str
    flags: tuple[str, ...]


# The oldest models that Debian supports are the fastest to emulate.
AMD64 = Machine(
    "amd64", "qemu-system-x86_64", "ttyS0", ("-machine", "q35", "-cpu", "qemu64,+rdrand")
)
ARM64 = Machine(
    "arm64", "qemu-system-aarch64", "ttyAMA0", ("-machine", "virt", "-cpu", "cortex-a57")
)


class Kernel(NamedTuple):
    """A kernel; `suites`: Debian's, of which the newest version is taken."""

    name: str
    machine: Machine
    suites: tuple[str, ...]

    @property
    def package(self) -> str:
        """The package that depends on the kernel; the one for clouds is a third of the size."""
        return f"linux-image-cloud-{self.machine.architecture}"


KERNELS = (
    Kernel("5.10", AMD64, ("bullseye", "bullseye-security")),
    Kernel("6.1", AMD64, ("bookworm", "bookworm-security")),
    Kernel("6.12", AMD64, ("trixie", "trixie-security")),
    Kernel("newest", AMD64, ("trixie-backports", "sid")),
    Kernel("6.12-arm64", ARM64, ("trixie", "trixie-security")),
)
