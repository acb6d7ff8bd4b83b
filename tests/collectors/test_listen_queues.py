import pytest

from tcp_pressure_exporter.collectors.listen_queues import FAMILIES
from tcp_pressure_exporter.facts.bound import AcceptQueue, QueueKey
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.sample.sockets import ListenQueue, ListenQueues
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample
from tests.support.messages.socket_entries import sixteen_bytes

QUEUES = ListenQueues(
    listed=(
        ListenQueue(AcceptQueue(QueueKey(sixteen_bytes("0.0.0.0"), 443), 97, 128)),
        ListenQueue(AcceptQueue(QueueKey(sixteen_bytes("10.0.0.2"), 443), 1, 4096)),
        ListenQueue(AcceptQueue(QueueKey(sixteen_bytes("2001:db8::2"), 65535), 0, 0)),
    ),
    ratio_max=0.7578125,
    ratio_max_1m=1.25,
)


def page(queues: ListenQueues) -> str:
    return of_namespaces(FAMILIES, namespace_sample("host", listen_queues=Outcome(0.1, queues)))


def test_golden() -> None:
    """Each listed queue has its use and its limit, zero included; the highest ratio is over all."""
    assert page(QUEUES) == golden("""
        # TYPE tcp_pressure_listen_queue_used gauge
        tcp_pressure_listen_queue_used{local_address="0.0.0.0",netns="host",port="443"} 97.0
        tcp_pressure_listen_queue_used{local_address="10.0.0.2",netns="host",port="443"} 1.0
        tcp_pressure_listen_queue_used{local_address="2001:db8::2",netns="host",port="65535"} 0.0
        # TYPE tcp_pressure_listen_queue_limit gauge
        tcp_pressure_listen_queue_limit{local_address="0.0.0.0",netns="host",port="443"} 128.0
        tcp_pressure_listen_queue_limit{local_address="10.0.0.2",netns="host",port="443"} 4096.0
        tcp_pressure_listen_queue_limit{local_address="2001:db8::2",netns="host",port="65535"} 0.0
        # TYPE tcp_pressure_listen_queue_ratio_max gauge
        tcp_pressure_listen_queue_ratio_max{netns="host"} 0.7578125
        # TYPE tcp_pressure_listen_queue_ratio_max_1m gauge
        tcp_pressure_listen_queue_ratio_max_1m{netns="host"} 1.25
    """)


def test_no_listed_queue() -> None:
    """If no queue is listed, the highest ratio is shown all the same."""
    assert page(ListenQueues((), 0.0)) == golden("""
        # TYPE tcp_pressure_listen_queue_used gauge
        # TYPE tcp_pressure_listen_queue_limit gauge
        # TYPE tcp_pressure_listen_queue_ratio_max gauge
        tcp_pressure_listen_queue_ratio_max{netns="host"} 0.0
        # TYPE tcp_pressure_listen_queue_ratio_max_1m gauge
        tcp_pressure_listen_queue_ratio_max_1m{netns="host"} 0.0
    """)


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("sock_diag dump", "no"))])
def test_absent(outcome: Outcome[ListenQueues] | None) -> None:
    """If the source failed, or the collector is off, nothing is shown, not even zero."""
    assert "{" not in of_namespaces(FAMILIES, namespace_sample("host", listen_queues=outcome))
