"""What a population of sockets looks like."""

from dataclasses import dataclass

SOCKETS_PER_SOURCE = 100_000  # more from one address would fill its ports towards a destination
MAX_PAIRS = 4_000  # connections that stay open: two files each, and 20,000 are widely allowed


@dataclass(frozen=True, slots=True)
class Shape:
    """So many sockets; `heavy_percent` of them to five destinations, the rest to many."""

    sockets: int
    heavy_percent: int = 90
    light: int = 1_000
    heavy: int = 5
    ipv6_percent: int = 10

    @property
    def name(self) -> str:
        """The shape in words."""
        pools = f"{self.heavy} destinations hold {self.heavy_percent} %"
        if not self.heavy_percent:
            pools = f"{self.light:,} light pools"
        return f"{self.sockets:,} sockets, {pools}"

    @property
    def pairs(self) -> int:
        """Connections that stay open; each is two ESTABLISHED sockets."""
        return min(self.sockets // 100, MAX_PAIRS)

    @property
    def time_wait(self) -> int:
        """Sockets in TIME_WAIT."""
        return self.sockets - 2 * self.pairs

    @property
    def sources(self) -> int:
        """Local addresses the connections come from."""
        return max(1, self.sockets // SOCKETS_PER_SOURCE)


SMALL = Shape(10_000)
LIGHT = Shape(100_000, heavy_percent=0, light=70_000)
SHAPES = (SMALL, Shape(100_000), LIGHT, Shape(500_000), Shape(1_000_000))
