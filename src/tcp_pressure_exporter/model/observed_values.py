"""The numbers of a sample that are worth remembering for an hour."""

from collections import Counter
from collections.abc import Iterator

from tcp_pressure_exporter.model.assessment import assess
from tcp_pressure_exporter.model.history import SeriesKey
from tcp_pressure_exporter.model.sample import NamespaceSample, Sample
from tcp_pressure_exporter.model.socket_states import SocketStates

SOCKETS = "sockets"


def observed_values(sample: Sample) -> Iterator[tuple[SeriesKey, float]]:
    """Yield the ratio of each finite resource, and how many sockets are in each state."""
    for namespace in sample.namespaces:
        yield from _of_namespace(namespace)


def _of_namespace(sample: NamespaceSample) -> Iterator[tuple[SeriesKey, float]]:
    for pressure in assess(sample).pressures:
        yield SeriesKey(sample.netns, pressure.kind, pressure.name), pressure.ratio
    states = sample.sockets.value if sample.sockets else None
    for state, count in by_state(states or {}).items():
        yield SeriesKey(sample.netns, SOCKETS, state), count


def by_state(states: SocketStates) -> Counter[str]:
    """Return the sockets by state, both families together."""
    counts: Counter[str] = Counter()
    for (_family, state), count in states.items():
        counts[state] += count
    return counts
