"""The one place that holds the newest sample: the loop puts it there, a scrape reads it."""

from collections.abc import Callable

from tcp_pressure_exporter.sample.sample import Sample

STALE_INTERVALS = 3


class LatestSample:
    """Holds the newest sample; publishing is one assignment, so neither side ever waits."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._sample: Sample | None = None

    def publish(self, sample: Sample) -> None:
        """Make a finished sample the newest."""
        self._sample = sample

    def newest(self) -> Sample | None:
        """Return the newest sample, without its numbers once it is too old to be shown."""
        sample = self._sample
        return sample.expired() if sample and self._age(sample) > _limit(sample) else sample

    def with_age(self) -> tuple[Sample | None, bool]:
        """Return the newest sample whole, and whether it is recent enough to be shown."""
        sample = self._sample
        return sample, sample is not None and self._age(sample) <= _limit(sample)

    def unready(self) -> str | None:
        """Return why no current sample can be served, or None where one can."""
        sample = self._sample
        if sample is None:
            return "no sample yet"
        age = self._age(sample)
        if age > _limit(sample):
            return (
                f"the newest sample is {age:.1f} s old, with an interval of {sample.interval:.1f} s"
            )
        return None

    def _age(self, sample: Sample) -> float:
        return self._clock() - sample.started


def _limit(sample: Sample) -> float:
    return STALE_INTERVALS * sample.interval
