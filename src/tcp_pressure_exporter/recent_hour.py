"""The last hour, written by the sampling thread and read by the one that renders the page."""

import threading

from tcp_pressure_exporter.latest_sample import STALE_INTERVALS
from tcp_pressure_exporter.model.history import History, Line, SeriesKey
from tcp_pressure_exporter.model.observed_values import observed_values
from tcp_pressure_exporter.model.sample import Sample


class RecentHour:
    """A History that two threads may use; neither waits longer than the other copies numbers."""

    def __init__(self) -> None:
        self._history = History()
        self._lock = threading.Lock()

    def record(self, sample: Sample) -> None:
        """Add a sample."""
        values = list(observed_values(sample))
        with self._lock:
            self._history.record(sample.started, STALE_INTERVALS * sample.interval, values)

    def line(self, key: SeriesKey) -> Line:
        """Return the hour of one series that ends with the newest sample."""
        with self._lock:
            return self._history.line(key)
