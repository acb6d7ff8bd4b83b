"""How fast live connections grow: the live ports of pools at the samples of the last seconds."""

from collections.abc import Mapping
from dataclasses import dataclass

from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.model.usage import Usage

WINDOW = 10.0  # seconds: as long as the closes are averaged over
MIN_DISTANCE = 1.0  # seconds: over less, the growth of some sockets says nothing
MIN_RATIO = 0.01  # a pool that is less used is looked at again long before it is full


@dataclass(frozen=True, slots=True)
class LiveHistory:
    """The live ports of pools at some earlier times, the oldest first."""

    moments: tuple[tuple[float, Mapping[PoolKey, int]], ...] = ()

    def growth(self, key: PoolKey, live: int, now: float) -> float:
        """Return by how many ports per second `live` has grown over the window.

        Where there was no sample in the window, since the last one. 0 where the pool is new: what
        it began with may have been there all the time.
        """
        known = [
            (then, ports[key])
            for then, ports in self.moments
            if key in ports and now - then >= MIN_DISTANCE
        ]
        if not known:
            return 0.0
        # A sample may come a little late.
        inside = (moment for moment in known if now - moment[0] <= WINDOW + MIN_DISTANCE)
        then, before = next(inside, known[-1])
        return (live - before) / (now - then)

    def after(self, now: float, pools: Mapping[PoolKey, Usage]) -> "LiveHistory":
        """Return the history with one sample more, without those that are too old."""
        moments = tuple(moment for moment in self.moments if now - moment[0] < WINDOW)
        if moments and now - moments[-1][0] < MIN_DISTANCE:
            return LiveHistory(moments)
        live = {key: usage.live for key, usage in pools.items() if usage.ratio >= MIN_RATIO}
        return LiveHistory((*moments, (now, live)))
