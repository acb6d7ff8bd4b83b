"""How old TIME_WAIT entries are where no system tells: dated by the samples that showed them."""

from collections.abc import Iterable, Mapping

from tcp_pressure_exporter.kernel.portable_sockets import PortableSocket

UNKNOWN = float("-inf")  # when an entry began that was there before the first sample


class ObservedAges:
    """Follows the entries from sample to sample.

    An entry that is new began since the sample before. Of all new ones together the moments are
    taken to lie evenly in between, so that rates over some seconds come out right and a sample
    does not look like a burst. Times are milliseconds of one clock.
    """

    def __init__(self) -> None:
        self._began: Mapping[PortableSocket, float] = {}
        self._first_ms: int | None = None
        self._last_ms = 0

    def seen(
        self, entries: Iterable[PortableSocket], now_ms: int
    ) -> Mapping[PortableSocket, float]:
        """Return when each entry of a sample began; UNKNOWN for those of the first sample."""
        entries = list(entries)
        new = [entry for entry in entries if entry not in self._began]
        if self._first_ms is None:
            self._first_ms = now_ms
            dates = dict.fromkeys(new, UNKNOWN)
        else:
            step = (now_ms - self._last_ms) / (len(new) + 1)
            dates = {entry: self._last_ms + step * place for place, entry in enumerate(new, 1)}
        self._began = {
            entry: dates[entry] if entry in dates else self._began[entry] for entry in entries
        }
        self._last_ms = now_ms
        return self._began

    def complete(self, hold: float) -> bool:
        """Tell whether every entry has been seen to begin: samples go back `hold` seconds."""
        return self._first_ms is not None and self._last_ms - self._first_ms >= hold * 1000
