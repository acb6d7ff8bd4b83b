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
    shown: whether the system shows them at all.
    """

    now_ms: int
    began_ms: Mapping[PortableSocket, float]
    complete: bool
    shown: bool = True

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
    ages_known = view.complete and view.shown
    counter = SocketCounter(rules, int(rules.reuse.hold) if ages_known else 0)
    for socket in sockets:
        if is_connection(socket):
            counter.add(_entry(socket, rules, view))
    tally = counter.result(view.edge())
    return replace(
        tally,
        shows_time_wait=view.shown,
        outbound=_pools(tally.outbound, view),
        inbound=_pools(tally.inbound, view),
    )


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


def _pools(tally: PoolTally, view: TimeWaitView) -> PoolTally:
    return replace(tally, shows_time_wait=view.shown)
