"""Counts the sockets that psutil lists into the tally of a netlink dump, by the same rules; pure.

What such a list cannot tell stays empty: causes of CLOSE_WAIT, whole entries, socket cookies.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from tcp_pressure_exporter.facts.sockets import TCP_TIME_WAIT
from tcp_pressure_exporter.facts.tally import Edge, PoolTally, SocketTally, TallyRules
from tcp_pressure_exporter.sources.counting.counter import Entry, SocketCounter
from tcp_pressure_exporter.sources.counting.pools import LIVE
from tcp_pressure_exporter.sources.portable.sockets import PortableSocket, is_connection


@dataclass(frozen=True, slots=True)
class TimeWaitView:
    """What is known of TIME_WAIT entries at a sample.

    now_ms: on the clock of `began_ms`, which tells since when each entry is there.
    complete: whether all have been seen to begin; else no histogram of ages is made.
    """

    now_ms: int
    began_ms: Mapping[PortableSocket, float]
    complete: bool

    def age_ms(self, socket: PortableSocket, hold: float) -> int:
        """Return how old an entry is, or LIVE; no older than TIME_WAIT `hold`s, in seconds."""
        if socket.state != TCP_TIME_WAIT:
            return LIVE
        return int(min(self.now_ms - self.began_ms[socket], hold * 1000))

    def entered(self, socket: PortableSocket, since: Edge | None) -> bool:
        """Tell whether an entry began after the tally before, whose edge is `since`."""
        if socket.state != TCP_TIME_WAIT or since is None:
            return False
        return self.began_ms[socket] > since.ended_ms

    def edge(self) -> Edge:
        """Return the edge of this sample."""
        return Edge(self.now_ms, self.now_ms, b"")


def tally_portable_sockets(
    sockets: Iterable[PortableSocket], rules: TallyRules, view: TimeWaitView
) -> SocketTally:
    """Count the sockets that have, or had, a peer."""
    counter = SocketCounter(rules, None if view.complete else 0)
    for socket in sockets:
        if is_connection(socket):
            counter.add(_entry(socket, rules, view))
    return counter.result(view.edge())


def _entry(socket: PortableSocket, rules: TallyRules, view: TimeWaitView) -> Entry:
    return Entry(
        local=socket.local,
        local_port=socket.local_port.to_bytes(2),
        remote=socket.remote,
        remote_port=socket.remote_port.to_bytes(2),
        state=socket.state,
        age_ms=view.age_ms(socket, rules.reuse.hold),
        entered=view.entered(socket, rules.since),
    )


def without_time_wait(tally: SocketTally) -> SocketTally:
    """Return a tally that tells nothing of TIME_WAIT: the system does not show it, or not all."""
    states = {kind: count for kind, count in tally.states.items() if kind[1] != TCP_TIME_WAIT}
    by_address = {address: found._replace(live=None) for address, found in tally.by_address.items()}
    return replace(
        tally,
        states=states,
        by_address=by_address,
        outbound=_pools_without_time_wait(tally.outbound),
        inbound=_pools_without_time_wait(tally.inbound),
        privileged=_pools_without_time_wait(tally.privileged),
        explicit=_pools_without_time_wait(tally.explicit),
    )


def _pools_without_time_wait(tally: PoolTally) -> PoolTally:
    rows = {key: count._replace(time_wait=None, ages=b"") for key, count in tally.rows.items()}
    return replace(tally, rows=rows, others=tally.others._replace(time_wait=None, ages=b""))
