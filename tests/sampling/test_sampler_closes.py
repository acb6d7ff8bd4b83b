"""Closes over many samples: none is lost and none counted twice, whatever happens to a sample."""

from collections.abc import Callable
from pathlib import Path

import pytest

from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.settings.config import Config
from tests.support.fakes.fake_host import (
    BACKEND,
    CLIENT,
    HOST,
    LISTENERS,
    MAIN_DUMP,
    FakeHost,
    failed,
    tables,
)
from tests.support.fakes.fake_procfs import IPV4
from tests.support.messages.datagrams import ESTABLISHED, LISTEN, TIME_WAIT, Entry

TIME_WAIT_SECONDS = 60
OTHER = "10.0.0.8"


class ClosingHost:
    """A host whose connections close at given moments, on the clock of the kernel's timers."""

    def __init__(self, root: Path) -> None:
        self.host = FakeHost(root, ticking=True)
        self.host.procfs.write(f"{IPV4}/ip_local_port_range", "40000 59999\n")
        self.host.loop.config = Config(listing=ListingRule(top=1, min_ratio=0))
        self.host.kernel.bound_only = []
        self.start = self.host.clock.now
        self.live: list[Entry] = []
        self.closed: list[tuple[float, str]] = []

    def close(self, remote: str, *moments: float) -> None:
        """Let connections to a remote close these many seconds after the start."""
        self.closed += [(self.start + moment, remote) for moment in moments]

    def take(self) -> NamespaceSample:
        """Take the next sample, five seconds after the last."""
        self.host.kernel.entries = [*LISTENERS, *self.live, *self._waiting()]
        return self.host.take()

    def _waiting(self) -> list[Entry]:
        now = self.host.clock.now + 5
        return [
            Entry(
                *(TIME_WAIT, HOST, 41000 + number, remote, 443),
                expires=round((TIME_WAIT_SECONDS - (now - moment)) * 1000),
                cookie=number,
            )
            for number, (moment, remote) in enumerate(self.closed)
            if 0 <= now - moment < TIME_WAIT_SECONDS
        ]


@pytest.fixture
def host(tmp_path: Path) -> ClosingHost:
    return ClosingHost(tmp_path)


def total(sample: NamespaceSample, direction: str = "outbound") -> int:
    churn = tables(sample)[direction].churn
    assert churn is not None
    return churn.entered_total


def listed(sample: NamespaceSample) -> list[tuple[str, int]]:
    """Return the remotes of the listed outbound pools, and their counters."""
    pools = tables(sample)["outbound"].listed
    return [(pool.remote_address, pool.entered_total) for pool in pools]


def test_every_close_counts_once(host: ClosingHost) -> None:
    """Each sample adds what entered since the previous one, the first one nothing.

    Samples are taken after 5, 10, 15 … seconds, and each entry is seen by a dozen of them.
    """
    host.close(BACKEND, 1, 2, 7, 12, 13, 14, 15.02, 31, 84)
    totals = [total(host.take()) for _ in range(18)]
    assert totals == [0, 1, 4, 5, 5, 5, *[6] * 10, 7, 7]


def test_several_at_the_edge(host: ClosingHost) -> None:
    """Closes within milliseconds of a sample count in that one or in the next, but only once."""
    host.close(BACKEND, 9.98, 9.999, 10, 10.001, 10.02, 14.999, 15, 15.001)
    assert [total(host.take()) for _ in range(5)] == [0, 3, 7, 8, 8]


def without_settings(host: FakeHost) -> None:
    host.procfs.remove(f"{IPV4}/ip_local_port_range")


def without_listeners(host: FakeHost) -> None:
    host.refuse(1 << LISTEN)


def without_sockets(host: FakeHost) -> None:
    host.refuse(MAIN_DUMP)


@pytest.mark.parametrize("breakage", [without_settings, without_listeners, without_sockets])
def test_failed_samples(host: ClosingHost, breakage: Callable[[FakeHost], None]) -> None:
    """The next good sample makes up for what entered while samples failed."""
    host.close(BACKEND, 1, 6, 11, 12, 16, 21, 26)
    assert [total(host.take()) for _ in range(2)] == [0, 1]
    breakage(host.host)
    assert all("pools" in failed(host.take()) for _ in range(2))
    host.host.procfs.write(f"{IPV4}/ip_local_port_range", "40000 59999\n")
    host.host.refuse(0)
    assert [listed(host.take()) for _ in range(2)] == [[(BACKEND, 1 + 4)], [(BACKEND, 1 + 5)]]


def test_pool_that_leaves_the_list(host: ClosingHost) -> None:
    """The counter of a pool goes on while another is listed in its place."""
    host.close(BACKEND, 1, 2, 7, 12, 17, 22)
    assert listed(host.take()) == [(BACKEND, 0)]
    host.live = [Entry(ESTABLISHED, HOST, 50000 + i, OTHER, 443) for i in range(20)]
    assert [listed(host.take()) for _ in range(2)] == [[(OTHER, 0)], [(OTHER, 0)]]
    host.live = []
    assert [listed(host.take()) for _ in range(2)] == [[(BACKEND, 3)], [(BACKEND, 4)]]


def test_small_pool_among_many(host: ClosingHost) -> None:
    """A listed pool still has a row when there are more fuller ones than rows."""
    host.close(BACKEND, 1, 7, 12, 17)
    assert listed(host.take()) == [(BACKEND, 0)]
    host.live = [
        Entry(ESTABLISHED, HOST, 50000 + i, f"10.1.{remote // 250}.{remote % 250}", 443)
        for remote in range(600)
        for i in range(9)
    ]
    assert tables(host.take())["outbound"].count == 601
    host.take()
    host.live = []
    assert listed(host.take()) == [(BACKEND, 3)]


def accepted(remote: str, connections: int, state: int = ESTABLISHED) -> list[Entry]:
    """Return connections from a remote; those in TIME_WAIT closed two seconds ago."""
    left = 58_000 if state == TIME_WAIT else 0
    return [
        Entry(state, HOST, 443, remote, 50000 + i, expires=left, cookie=i)
        for i in range(connections)
    ]


def test_accepted_connections(host: ClosingHost) -> None:
    """Connections that were accepted count as inbound, and not as outbound."""
    host.take()
    host.live = accepted(CLIENT, 7, TIME_WAIT)
    sample = host.take()
    assert (total(sample, "inbound"), total(sample)) == (7, 0)


def test_small_client_among_many(host: ClosingHost) -> None:
    """A listed client still has a row when there are more busier ones than rows."""
    host.live = accepted(CLIENT, 1)
    host.take()
    many = [entry for n in range(600) for entry in accepted(f"10.1.{n // 250}.{n % 250}", 9)]
    host.live = [*many, *accepted(CLIENT, 7, TIME_WAIT)]
    assert tables(host.take())["inbound"].count == 601
    host.live = accepted(CLIENT, 1)
    [pool] = tables(host.take())["inbound"].listed
    assert (pool.remote_address, pool.entered_total) == (CLIENT, 7)


def test_peak_between_samples(host: ClosingHost) -> None:
    """The busiest second of the last minute is shown, although no sample was taken in it."""
    host.close(BACKEND, *[1.5 + i / 1000 for i in range(30)], *range(6, 50))
    samples = [host.take() for _ in range(10)]
    churn = tables(samples[-1])["outbound"].churn
    assert churn is not None
    assert churn.peak_closes == 30


def test_direction_has_its_own_memory(host: ClosingHost) -> None:
    """What one direction remembers does not show in another.

    Outbound and source have the 500 ports and one that listens in the range.
    """
    host.live = [Entry(ESTABLISHED, HOST, 50000 + i, BACKEND, 443) for i in range(500)]
    host.live += [Entry(ESTABLISHED, HOST, 443, CLIENT, 50000)]
    before = tables(host.take())
    host.live = []
    after = tables(host.take())
    assert before["outbound"].ratio_max == after["outbound"].ratio_max_1m == 501 / 20000
    assert after["inbound"].ratio_max_1m == 1 / 28232
    assert after["source"].ratio_max_1m == 501 / 20000
