"""A metric family as a table entry: its name, meaning and labels, and where its rows come from."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

from tcp_pressure_exporter.sample.sample import Key, NamespaceSample

Subject = TypeVar("Subject")
Value = TypeVar("Value")

Row = tuple[tuple[str, ...], float]  # label values in the order of the labels; the value
RowReader = Callable[[Subject], Iterable[Row]]

_KINDS: dict[str, type[GaugeMetricFamily | CounterMetricFamily]] = {
    "gauge": GaugeMetricFamily,
    "counter": CounterMetricFamily,
}


def rows_of(key: Key[Value], read: Callable[[Value], Iterable[Row]]) -> RowReader[NamespaceSample]:
    """Return a function that reads rows from the value of a part; none if it is off, or failed."""

    def rows(sample: NamespaceSample) -> Iterable[Row]:
        value = sample.value(key)
        return () if value is None else read(value)

    return rows


def value_of(key: Key[Value], read: Callable[[Value], float]) -> RowReader[NamespaceSample]:
    """Return a function that reads one number from the value of a part."""
    return rows_of(key, lambda value: [((), read(value))])


@dataclass(frozen=True, slots=True)
class Family(Generic[Subject]):
    """One metric family; `rows` reads its values from a part of the sample.

    kind is "gauge" or "counter". A counter's name ends in _total.
    """

    name: str
    help: str
    labels: tuple[str, ...]
    rows: RowReader[Subject]
    kind: str = "gauge"

    def metric(self, subjects: Iterable[tuple[tuple[str, ...], Subject]] = ()) -> Metric:
        """Return the family with the rows of all subjects, each under its leading label values."""
        metric = _KINDS[self.kind](self.name, self.help, labels=self.labels)
        for leading, subject in subjects:
            for labels, value in self.rows(subject):
                values = (*leading, *labels)
                if len(values) != len(self.labels):  # the library would silently drop the rest
                    raise ValueError(f"{self.name}: labels {self.labels}, values {values}")
                metric.add_metric(values, value)
        return metric
