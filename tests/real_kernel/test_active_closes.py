"""Who leaves the TIME_WAIT of real pools: the collector compared with the pools themselves."""

import socket
from collections.abc import Iterator
from contextlib import closing
from ipaddress import ip_network
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import NetworkPorts
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND
from tcp_pressure_exporter.pools.explicit import SourceRanges
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses, ClosedPool
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, POOLS, NamespaceSample
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.bpf.active_closes import open_active_closes
from tests.support.labs.cgroup_tree import cgroup_tree
from tests.support.labs.closers_lab import (
    CLOSE,
    closer,
    keep_time_wait,
    settled,
    time_wait_entries,
)
from tests.support.labs.lab import (
    EVERYTHING,
    SERVER_PORT,
    Lab,
    Observer,
    time_wait_here,
    time_wait_there,
)
from tests.support.labs.network_namespace import set_sysctl
from tests.support.messages.socket_entries import sixteen_bytes

pytestmark = pytest.mark.bpf
PORT = str(SERVER_PORT)


@pytest.fixture
def counted(lab: Lab) -> Iterator[Observer]:  # noqa: ARG001 - in the lab's namespace
    """Observe the namespace with the program attached, from before its first connection."""
    set_sysctl("tcp_tw_reuse", 0)
    keep_time_wait()
    set_sysctl("ip_local_port_range", "40000 40999")
    source = open_active_closes()
    assert not isinstance(source, Missing), source.reason
    with closing(source):
        observer = Observer(closes=source)
        with closing(observer.namespace):
            yield observer


def sample(counted: Observer, config: Config = EVERYTHING) -> tuple[NamespaceSample, ActiveCloses]:
    found = counted.sample(config)
    return found, found.get(ACTIVE_CLOSES)


def by_pool(found: ActiveCloses) -> dict[ClosedPool, int]:
    sums: dict[ClosedPool, int] = {}
    for one, count in found.listed.items():
        sums[one.pool] = sums.get(one.pool, 0) + count
    return sums


def entered(taken: NamespaceSample) -> dict[ClosedPool, int]:
    """Return the TIME_WAIT entries of each pool that has any, according to netlink."""
    return {
        ClosedPool(direction, pool.local_address, pool.remote_address, pool.port): (
            pool.usage.time_wait
        )
        for direction in (OUTBOUND, INBOUND)
        for pool in taken.get(POOLS)[direction].listed
        if pool.usage.time_wait
    }


def test_equal_to_the_entries(lab: Lab, counted: Observer) -> None:
    """In each pool as many closes are counted as there are TIME_WAIT entries."""
    for remote, here, there in (("127.0.0.9", 7, 3), ("127.0.0.8", 0, 4), ("::1", 5, 2)):
        for _ in range(here):
            time_wait_here(lab.connect(remote))
        for _ in range(there):
            time_wait_there(lab.connect(remote))
    time_wait_here(lab.connect("127.0.0.9", mapped=True))
    taken, found = sample(counted)
    assert by_pool(found) == entered(taken)
    assert by_pool(found) == {
        ClosedPool(OUTBOUND, "127.0.0.1", "127.0.0.9", PORT): 8,
        ClosedPool(INBOUND, "127.0.0.9", "127.0.0.1", PORT): 3,
        ClosedPool(INBOUND, "127.0.0.8", "127.0.0.1", PORT): 4,
        ClosedPool(OUTBOUND, "::1", "::1", PORT): 5,
        ClosedPool(INBOUND, "::1", "::1", PORT): 2,
    }
    assert found.unlisted == {OUTBOUND: 0, INBOUND: 0}


def test_owners(lab: Lab, counted: Observer, tmp_path: Path) -> None:
    """Each closer of a pool has its service and name, the killed one and the gone one as well."""
    with cgroup_tree(tmp_path) as tree:
        for name, number in (("proxy.service", 30), ("cron.service", 4)):
            tree.make(name)
            with closer(lab, name[:5], CLOSE, number, "127.0.0.9", tree.root / name) as process:
                process.kill()
        assert settled(time_wait_entries, 34) == 34
        taken, found = sample(counted)
    assert {one.owner: count for one, count in found.listed.items()} == {
        Owner("proxy.service", "proxy"): 30,
        Owner("cron.service", "cron."): 4,
    }
    assert by_pool(found) == entered(taken)


def test_group(lab: Lab, counted: Observer) -> None:
    """The addresses of a group are one pool."""
    groups = RemoteGroups([RemoteGroup("backend", (ip_network("127.0.2.0/24"),))])
    for number in range(10):
        time_wait_here(lab.connect(f"127.0.2.{number}"))
    taken, found = sample(counted, Config(EVERYTHING.listing, groups))
    assert by_pool(found) == {ClosedPool(OUTBOUND, "127.0.0.1", "backend", PORT): 10}
    assert by_pool(found) == entered(taken)


def test_bound_to_a_device(lab: Lab, counted: Observer) -> None:
    """Sockets bound to a device have a separate pool."""
    for device, number in ((b"", 3), (b"lo", 4)):
        for _ in range(number):
            client = lab.keep(socket.socket())
            client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device)
            client.connect(("127.0.0.9", SERVER_PORT))
            time_wait_here((client, lab.server4.accept()[0]))
    taken, found = sample(counted)
    assert by_pool(found) == {
        ClosedPool(OUTBOUND, "127.0.0.1", "127.0.0.9", PORT): 3,
        ClosedPool(OUTBOUND, "127.0.0.1%lo", "127.0.0.9", PORT): 4,
    }
    assert by_pool(found) == entered(taken)


def test_ports_of_an_applications_choice(lab: Lab, counted: Observer) -> None:
    """Ports that an application chose itself make separate pools, as in netlink's tally."""
    sources = SourceRanges([NetworkPorts(sixteen_bytes("127.0.0.2"), 128, 20000, 20999)])
    for local, ports in (
        ("127.0.0.1", (0, 0, 900, 901, 902, 30000)),
        ("127.0.0.2", (20000, 20001)),
    ):
        for port in ports:
            time_wait_here(lab.connect("127.0.0.9", local, port))
    taken, found = sample(counted, Config(EVERYTHING.listing, sources=sources))
    assert by_pool(found) == {
        ClosedPool(OUTBOUND, "127.0.0.1", "127.0.0.9", PORT): 2,
        ClosedPool(OUTBOUND, "127.0.0.1:1-1023", "127.0.0.9", PORT): 3,
        ClosedPool(OUTBOUND, "127.0.0.1:outside", "127.0.0.9", PORT): 1,
        ClosedPool(OUTBOUND, "127.0.0.2:20000-20999", "127.0.0.9", PORT): 2,
    }
    assert by_pool(found) == entered(taken)


def test_from_sample_to_sample(lab: Lab, counted: Observer) -> None:
    """A counter goes on with what is new."""
    for made in (2, 5):
        for _ in range(made):
            time_wait_here(lab.connect("127.0.0.9"))
        taken, found = sample(counted)
        assert by_pool(found) == entered(taken)
    assert list(found.listed.values()) == [7]
