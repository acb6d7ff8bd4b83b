"""The ports that connect() passes over, by the kernel's own table of bound ports."""

from tcp_pressure_exporter.facts.outcome import SourceError
from tcp_pressure_exporter.facts.ports import BITMAP_BYTES, from_bitmap
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sources.bpf.loading import BpfObject, LoadObject, load, opened

OBJECT = "bind_hash"
PROGRAM = "walk_bind_hash"
TABLE = "skipped_ports"
ONLY_KEY = bytes(4)


class BindHash:
    """Asks the network namespace of the calling thread."""

    def __init__(self, loaded: BpfObject) -> None:
        self._loaded = loaded

    def skipped_ports(self) -> int:
        """Return the set of ports (facts/ports.py) that no connect() is given.

        Source: net/ipv4/inet_hashtables.c, __inet_hash_connect: a port whose bucket was made, or
        joined, by bind() is passed over, whatever the destination. Ports that are bound in a VRF
        count, too, though they are closed to that VRF alone.
        Raises SourceError.
        """
        self._loaded.update(TABLE, ONLY_KEY, bytes(BITMAP_BYTES))
        if self._loaded.run(PROGRAM):
            raise SourceError(f"BPF object {OBJECT}", "this kernel's table has entries too large")
        return from_bitmap(self._loaded.look_up(TABLE, ONLY_KEY, BITMAP_BYTES))

    def close(self) -> None:
        """Let the program go."""
        self._loaded.close()


def open_bind_hash(load_object: LoadObject = load) -> BindHash | Missing:
    """Return the table, or why it cannot be read here: found out by reading it once."""
    return opened(OBJECT, _read_once, load_object)


def _read_once(loaded: BpfObject) -> BindHash:
    table = BindHash(loaded)
    table.skipped_ports()
    return table
