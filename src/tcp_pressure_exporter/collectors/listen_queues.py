"""The accept queues of listening sockets.

Exposition:

    tcp_pressure_listen_queue_used{netns="host",local_address="0.0.0.0",port="443"} 97.0
    tcp_pressure_listen_queue_limit{netns="host",local_address="0.0.0.0",port="443"} 128.0
    tcp_pressure_listen_queue_ratio_max{netns="host"} 0.7578125
    tcp_pressure_listen_queue_ratio_max_1m{netns="host"} 1.0078125
"""

from collections.abc import Callable, Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, RowReader, rows_of, value_of
from tcp_pressure_exporter.sample.sample import LISTEN_QUEUES, NamespaceSample
from tcp_pressure_exporter.sample.sockets import ListenQueue, ListenQueues

LABELS = ("netns", "local_address", "port")


def _per_queue(read: Callable[[ListenQueue], int]) -> RowReader[NamespaceSample]:
    def rows(queues: ListenQueues) -> Iterator[Row]:
        for queue in queues.listed:
            yield (queue.local_address, queue.port), read(queue)

    return rows_of(LISTEN_QUEUES, rows)


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_listen_queue_used",
        "Established connections waiting for accept(), in the fullest queue of each listening"
        " address and port; the fullest queues from pools.min_ratio on. Known from netlink"
        " only.",
        LABELS,
        _per_queue(lambda queue: queue.used),
    ),
    Family(
        "tcp_pressure_listen_queue_limit",
        "How many connections may wait: the backlog passed to listen(), capped by"
        " net.core.somaxconn. The kernel drops connections when more are waiting, so used can"
        " exceed the limit by one.",
        LABELS,
        _per_queue(lambda queue: queue.limit),
    ),
    Family(
        "tcp_pressure_listen_queue_ratio_max",
        "Highest ratio of used to limit over all listening sockets, listed or not. Drops are"
        ' counted in tcp_pressure_kernel_events_total{event="ListenOverflows"} and'
        ' {event="ListenDrops"}.',
        ("netns",),
        value_of(LISTEN_QUEUES, lambda queues: queues.ratio_max),
    ),
    Family(
        "tcp_pressure_listen_queue_ratio_max_1m",
        "Highest value of tcp_pressure_listen_queue_ratio_max in the samples of the last 60 s,"
        " for scrapes that are less frequent than samples. A burst that begins and ends between"
        " two samples shows only in the counters.",
        ("netns",),
        value_of(LISTEN_QUEUES, lambda queues: queues.ratio_max_1m),
    ),
)
