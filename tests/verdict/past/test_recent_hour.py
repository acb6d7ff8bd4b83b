"""The hour that the page shows, fed by samples."""

from tcp_pressure_exporter.sample.sample import Sample
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.past.history import RecentHour, SeriesKey
from tests.support.fakes.evidence import outbound, pool
from tests.support.fakes.samples import namespace_sample

KEY = SeriesKey("host", "outbound", "10.0.0.2 → 10.0.0.9:443")


def sample(started: float, used: int, interval: float = 5.0) -> Sample:
    namespace = namespace_sample("host", pools=outbound(pool(used)))
    return Sample(1.8e9, started, 0.01, interval, 5.0, (namespace,))


def test_samples_become_a_line() -> None:
    """Each sample is a value that holds for three of its intervals, stretched ones included."""
    hour = RecentHour()
    for taken in (sample(0.0, 250, interval=20.0), sample(60.0, 500), sample(90.0, 125)):
        hour.record(taken, map(assess, taken.namespaces))
    assert hour.line(KEY) == [0.25, 0.25, 0.25, 0.25, 0.5, None, 0.125]
