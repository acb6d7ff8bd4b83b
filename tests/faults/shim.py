"""The faults that shim.c puts between the exporter and its kernel, switchable while it runs."""

import struct
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

SOURCE = Path(__file__).with_name("shim.c")
FIELDS = (  # struct faults of shim.c
    "send_error",
    "receive_error",
    "answer_error",
    "interrupted",
    "cut",
    "garbage",
    "silent",
    "endless",
    "realtime_step",
    "boottime_step",
    "bpf_error",
)
NUMBERS = struct.Struct(f"={len(FIELDS)}q")


def compile_shim(folder: Path) -> Path:
    """Compile the shim into the folder and return the library."""
    library = folder / "shim.so"
    flags = ("-O1", "-g", "-shared", "-fPIC", "-Wall", "-Wextra", "-std=gnu17")
    subprocess.run(["cc", *flags, "-o", library, SOURCE, "-ldl"], check=True)
    return library


class Faults:
    """The faults in the processes that `command` starts; none at first."""

    def __init__(self, library: Path, control: Path) -> None:
        self._control = control
        control.write_bytes(NUMBERS.pack(*[0] * len(FIELDS)))
        self._library = library

    def command(self, command: Sequence[str]) -> Sequence[str]:
        """Return the command that runs a command behind the shim."""
        names = (f"LD_PRELOAD={self._library}", f"TCP_PRESSURE_FAULTS={self._control}")
        return ("env", *names, *command)

    def set(self, **values: int) -> None:
        """Turn on these faults, and no others."""
        assert values.keys() <= set(FIELDS)
        # In place: the processes that run with it have mapped the file.
        with self._control.open("r+b") as file:
            file.write(NUMBERS.pack(*(values.get(name, 0) for name in FIELDS)))

    @contextmanager
    def on(self, **values: int) -> Iterator[None]:
        """Turn on these faults for a while."""
        self.set(**values)
        try:
            yield
        finally:
            self.set()
