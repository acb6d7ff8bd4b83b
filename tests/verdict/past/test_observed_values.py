"""Which numbers are remembered."""

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.sample.sample import Sample
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.past.history import SeriesKey, observed_values
from tests.support.fakes.evidence import outbound, pool
from tests.support.fakes.samples import namespace_sample

OWN = namespace_sample(
    "host",
    sockets=Outcome(0.1, {("ipv4", "time_wait"): 5, ("ipv6", "time_wait"): 2}),
    pools=outbound(pool(250)),
    limits=Outcome(0.1, (Resource("orphans", 1, 4),)),
)
OTHER = namespace_sample("blue", sockets=Outcome(0.1, error=SourceError("sock_diag", "refused")))


def test_values() -> None:
    """Each resource is remembered by its ratio, each state by its sockets in both families."""
    sample = Sample(0.0, 0.0, 0.0, 5.0, 5.0, (OWN, OTHER))
    assert dict(observed_values(sample, map(assess, sample.namespaces))) == {
        SeriesKey("host", "outbound", "10.0.0.2 → 10.0.0.9:443"): 0.25,
        SeriesKey("host", "orphans", ""): 0.25,
        SeriesKey("host", "sockets", "time_wait"): 7,
    }
