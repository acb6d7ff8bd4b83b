"""Counts the sockets that psutil lists into the same tally as a netlink dump, by the same rules.

What such a list does not show stays empty: causes of CLOSE_WAIT, whole entries, cookies.
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
    """What is known about TIME_WAIT entries in a sample.

    now_ms: on the clock of `began_ms`, which tells when each entry began.
    complete: whether all were seen to begin; if not, there is no histogram of ages.
    """

    now_ms: int
    began_ms: Mapping[PortableSocket, float]
    complete: bool

    def age_ms(self, socket: PortableSocket, hold: float) -> int:
        """Return the age of an entry, or LIVE; no more than `hold`, the seconds of TIME_WAIT."""
        if socket.state != TCP_TIME_WAIT:
            return LIVE
        return int(min(self.now_ms - self.began_ms[socket], hold * 1000))

    def entered(self, socket: PortableSocket, since: Edge | None) -> bool:
        """Tell whether an entry began after the previous tally, whose edge is `since`."""
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
    """Return a tally without TIME_WAIT, which the system does not show, or not all of it."""
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
