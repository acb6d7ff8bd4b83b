"""What a sample needs from the previous one, even over one that failed."""

from pathlib import Path

import pytest

from tcp_pressure_exporter.pools.listing import ListingRule
from tcp_pressure_exporter.settings.config import Config
from tests.support.fakes.fake_host import (
    BACKEND,
    CLIENT,
    HOST,
    MAIN_DUMP,
    FakeHost,
    failed,
    listed,
    tables,
)
from tests.support.fakes.fake_procfs import IPV4
from tests.support.messages.datagrams import ESTABLISHED, LISTEN, Entry


@pytest.fixture
def host(tmp_path: Path) -> FakeHost:
    return FakeHost(tmp_path)


def without_listeners(host: FakeHost) -> None:
    host.kernel.entries = [e for e in host.kernel.entries if e.state != LISTEN]


def test_listener_that_closed(host: FakeHost) -> None:
    """Sockets that were accepted stay inbound after their listener has closed."""
    host.take()
    without_listeners(host)
    sample = host.take()
    assert tables(sample)["inbound"].count == 1
    assert failed(sample) == set()


def test_port_of_a_closed_listener_stays_blocked(host: FakeHost) -> None:
    """A port inside the range whose listener has closed is blocked while sockets hold it."""
    host.kernel.entries.append(Entry(ESTABLISHED, HOST, 40005, CLIENT, 50000))
    assert listed(host.take(), "outbound")[0][3] == 4
    without_listeners(host)
    assert listed(host.take(), "outbound")[0][3] == 4
    host.kernel.entries.pop()
    host.take()
    assert listed(host.take(), "outbound")[0][3] == 3


def test_closed_listener_is_remembered_over_a_failure(host: FakeHost) -> None:
    """A dump that fails between does not make accepted sockets outgoing ones."""
    host.take()
    without_listeners(host)
    host.refuse(MAIN_DUMP)
    host.take()
    host.refuse(1 << LISTEN)
    host.take()
    host.refuse(0)
    assert tables(host.take())["inbound"].count == 1


def test_listed_pool_stays_over_a_failure(host: FakeHost) -> None:
    """The pool listed in the last good sample stays against one that is a little fuller."""
    host.loop.config = Config(listing=ListingRule(top=1))
    host.procfs.write(f"{IPV4}/ip_local_port_range", "40000 40099\n")
    many = [Entry(ESTABLISHED, HOST, 40020 + i, BACKEND, 443) for i in range(28)]
    host.kernel.entries = [
        *many,
        *(Entry(ESTABLISHED, HOST, 40020 + i, BACKEND, 80) for i in range(27)),
    ]
    host.kernel.bound_only = []
    assert listed(host.take(), "outbound")[0][2] == "443"
    host.refuse(MAIN_DUMP)
    host.take()
    host.refuse(0)
    host.kernel.entries += [Entry(ESTABLISHED, HOST, 40060 + i, BACKEND, 80) for i in range(2)]
    assert listed(host.take(), "outbound")[0][2:4] == ("443", 28)
