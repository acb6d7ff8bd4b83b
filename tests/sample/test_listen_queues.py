from collections.abc import Collection, Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.bound import AcceptQueue, QueueKey
from tcp_pressure_exporter.facts.sockets import BoundSocket
from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.sample.sockets import ListenQueue, ListenQueues, listen_queues
from tests.support.fakes.tallies import bound_tally
from tests.support.messages.socket_entries import sixteen_bytes

INTERFACES = {2: "eth0", 3: "eth1"}
EVERYTHING = ListingRule(top=1000, min_ratio=0.0)


def listener(port: int, used: int, limit: int, address: str = "0.0.0.0") -> BoundSocket:
    return BoundSocket(
        sixteen_bytes(address),
        port,
        listening=True,
        ipv6_only=False,
        queue_used=used,
        queue_limit=limit,
    )


def found(
    bound: Iterable[BoundSocket], listing: ListingRule, incumbents: Collection[QueueKey]
) -> ListenQueues:
    return listen_queues(bound_tally(bound).queues, listing, incumbents, INTERFACES.__getitem__)


def rows(queues: ListenQueues) -> list[tuple[str, str, int, int]]:
    return [(q.local_address, q.port, q.used, q.limit) for q in queues.listed]


def test_fullest_first() -> None:
    """The fullest queues by ratio are listed; the highest ratio is over all."""
    bound = [listener(80, 64, 128), listener(443, 100, 4096), listener(22, 7, 8)]
    queues = found(bound, ListingRule(top=2), ())
    assert rows(queues) == [("0.0.0.0", "22", 7, 8), ("0.0.0.0", "80", 64, 128)]
    assert queues.ratio_max == 0.875


def test_nothing_listed() -> None:
    """The highest ratio is shown if no queue reaches the threshold, and if none exists."""
    queues = found([listener(80, 1, 128), listener(443, 0, 128)], ListingRule(), ())
    assert queues == ListenQueues((), 1 / 128, 1 / 128, "0.0.0.0:80")
    assert found([], EVERYTHING, ()) == ListenQueues((), 0.0)


def test_bound_only_sockets() -> None:
    """A socket that does not listen has no queue."""
    bound = listener(45000, 9, 9)._replace(listening=False)
    assert found([bound], EVERYTHING, ()) == ListenQueues((), 0.0)


def test_several_sockets_on_one_port() -> None:
    """Of sockets that share a port (SO_REUSEPORT), the fullest queue is shown: it drops first."""
    bound = [listener(80, used, limit) for used, limit in [(3, 128), (16, 32), (31, 64), (8, 16)]]
    assert rows(found(bound, EVERYTHING, ())) == [("0.0.0.0", "80", 16, 32)]


def test_addresses_are_apart() -> None:
    """The same port on other addresses is another queue; IPv4 and v4-mapped are one address."""
    bound = [
        listener(80, 1, 10, "10.0.0.2"),
        listener(80, 2, 10, "::"),
        listener(80, 3, 10, "::ffff:10.0.0.2"),
        listener(80, 4, 10, "2001:db8::1"),
    ]
    assert rows(found(bound, EVERYTHING, ())) == [
        ("2001:db8::1", "80", 4, 10),
        ("10.0.0.2", "80", 3, 10),
        ("::", "80", 2, 10),
    ]


@pytest.mark.parametrize(
    ("used", "limit", "ratio"), [(0, 0, 0.0), (1, 0, 1.0), (129, 128, 129 / 128), (128, 128, 1.0)]
)
def test_ratio(used: int, limit: int, ratio: float) -> None:
    """With listen(0) one connection may wait: the kernel refuses beyond a limit, not at it.

    Source: sk_acceptq_is_full in include/net/sock.h.
    """
    assert ListenQueue(AcceptQueue(QueueKey(bytes(16), 80), used, limit)).ratio == ratio


def test_listed_queues_stay() -> None:
    """A listed queue stays until another is a tenth fuller, and down to 80 % of min."""
    one = ListingRule(top=1, min_ratio=0.5)
    bound = [listener(80, 60, 100), listener(443, 64, 100)]
    key80 = QueueKey(sixteen_bytes("0.0.0.0"), 80)
    assert rows(found(bound, one, [key80]))[0][1] == "80"
    assert rows(found(bound, one, ()))[0][1] == "443"
    assert rows(found([listener(80, 41, 100)], one, [key80]))[0][1] == "80"
    assert rows(found([listener(80, 41, 100)], one, ())) == []


LISTENERS = st.lists(
    st.builds(
        listener,
        st.sampled_from([22, 80, 443]),
        st.integers(0, 200),
        st.sampled_from([0, 1, 128]),
        st.sampled_from(["0.0.0.0", "10.0.0.2", "::"]),
    )
)


@given(LISTENERS, st.integers(0, 10))
def test_any_listeners(bound: list[BoundSocket], top: int) -> None:
    """Each listed queue is that of a real socket, one for each address and port, fullest first."""
    queues = found(bound, ListingRule(top, 0.0), ())
    keys = {QueueKey(socket.address, socket.port, 0) for socket in bound}
    assert len(queues.listed) == len({queue.key for queue in queues.listed}) == min(top, len(keys))
    real = {(QueueKey(s.address, s.port), s.queue_used, s.queue_limit) for s in bound}
    assert {(queue.key, queue.used, queue.limit) for queue in queues.listed} <= real
    ratios = [queue.ratio for queue in queues.listed]
    assert ratios == sorted(ratios, reverse=True)
    assert queues.ratio_max == max((s.queue_used / (s.queue_limit or 1) for s in bound), default=0)
    assert not ratios or ratios[0] == queues.ratio_max


def test_interfaces() -> None:
    """An interface follows the address, and two of them never look the same.

    A name may be the number of one that is gone, and names that are not text look alike.
    """
    any_address = sixteen_bytes("0.0.0.0")
    queues = [AcceptQueue(QueueKey(any_address, 80, scope), 0, 9) for scope in (0, 2, 3, 4)]
    names = {2: "eth0", 3: "5", 4: "5"}
    listed = listen_queues(queues, EVERYTHING, (), names.__getitem__).listed
    assert [queue.local_address for queue in listed] == [
        *("0.0.0.0", "0.0.0.0%eth0"),
        *("0.0.0.0%5", "0.0.0.0%5:4"),
    ]
