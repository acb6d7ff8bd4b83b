"""TIME_WAIT entries that the rules give back and the kernel does not: they count as used."""

import errno
import socket
import sys
import time

import pytest

from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.sample import CANARY, POOLS
from tcp_pressure_exporter.sampling.host import open_host
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.procfs.resources import read_tcp_sockstat
from tcp_pressure_exporter.verdict.assessment import assess
from tests.support.labs.canary_lab import PROCFS
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, Pair, time_wait_here
from tests.support.labs.network_namespace import set_sysctl, shorten_reuse_delay
from tests.support.sampled import sampler_of, wishes

PORTS = 40
REMOTE = "127.0.0.9"
POOL = ("outbound", "127.0.0.1", REMOTE, str(SERVER_PORT))


@pytest.fixture(autouse=True)
def port_range(lab: Lab) -> None:  # noqa: ARG001 - its namespace
    set_sysctl("ip_local_port_range", f"40000 {40000 + PORTS - 1}")
    set_sysctl("tcp_tw_reuse", 0)


def leave_time_wait(lab: Lab, count: int, *, bound: bool = False) -> None:
    """Leave TIME_WAIT entries; bound: of sockets that got their port from bind(address, 0)."""
    pairs = [bind_and_connect(lab) if bound else lab.connect(REMOTE) for _ in range(count)]
    for pair in pairs:
        time_wait_here(pair)


def bind_and_connect(
    lab: Lab, port: int = 0, local: str = "127.0.0.1", remote: str = REMOTE
) -> Pair:
    client = lab.keep(socket.socket())
    client.bind((local, port))
    client.connect((remote, SERVER_PORT))
    return client, lab.keep(lab.server4.accept()[0])


def let_them_be_reused() -> None:
    """Wait until each entry is certainly old enough for tcp_tw_reuse."""
    shorten_reuse_delay()
    set_sysctl("tcp_tw_reuse", 1)
    time.sleep(1.1)  # beyond the delay, which older kernels count in whole seconds


def connects(lab: Lab) -> bool:
    try:
        lab.connect(REMOTE)
    except OSError as error:
        if error.errno != errno.EADDRNOTAVAIL:
            raise
        return False
    return True


def usage_of(observer: Observer) -> Usage:
    return observer.pool(*POOL).usage


def time_wait_entries() -> int:
    return read_tcp_sockstat(PROCFS)["tw"]


def test_bound_sockets(lab: Lab, observer: Observer) -> None:
    """A pool full of TIME_WAIT of sockets that were bound is full, and critical, at first sight."""
    leave_time_wait(lab, PORTS, bound=True)
    let_them_be_reused()
    sample = observer.sample()
    [pool] = sample.get(POOLS)["outbound"].listed
    assert (pool.usage.used, pool.usage.reclaimable, pool.usage.refused) == (PORTS, 0, PORTS)
    assert pool.outlook is not None
    assert pool.outlook.exhaustion_seconds == 0
    assert [probe.verdict.success for probe in sample.get(CANARY).probes] == [False]
    assert assess(sample).verdict == "critical"
    assert not connects(lab)
    assert time_wait_entries() == PORTS, "a refusal costs no entry"


def test_few_beside_many_hidden_ports(lab: Lab, observer: Observer) -> None:
    """Ten refused entries and thirty hidden ports leave no port: that is critical too."""
    for port in range(40000, 40030):
        bind_and_connect(lab, port, "127.0.0.6", "127.0.0.8")
    for pair in [bind_and_connect(lab, port) for port in range(40030, 40040)]:
        time_wait_here(pair)
    let_them_be_reused()
    sample = observer.sample()
    assert not connects(lab)
    assert assess(sample).verdict == "critical"


def test_peer_without_timestamps(lab: Lab, observer: Observer) -> None:
    """Entries of connections without timestamps are not given back either."""
    set_sysctl("tcp_timestamps", 0)
    leave_time_wait(lab, PORTS)
    set_sysctl("tcp_timestamps", 1)
    let_them_be_reused()
    usage = usage_of(observer)
    assert (usage.used, usage.reclaimable) == (PORTS, 0)
    assert not connects(lab)


def test_given_back(lab: Lab, observer: Observer) -> None:
    """What is given back stays reclaimable; a sample uses up no more than four entries."""
    leave_time_wait(lab, PORTS)
    let_them_be_reused()
    for sample in range(3):
        usage = usage_of(observer)
        assert (usage.used, usage.reclaimable, usage.refused) == (0, PORTS - 4 * sample, 0)
    assert time_wait_entries() == PORTS - 12
    assert lab.connect_until_full(REMOTE) == PORTS


def test_mixed(lab: Lab, observer: Observer) -> None:
    """If entries are given back only in part, about as many as are refused count as used."""
    leave_time_wait(lab, PORTS // 2, bound=True)
    leave_time_wait(lab, PORTS // 2)
    let_them_be_reused()
    usage = usage_of(observer)
    assert usage.used + (usage.reclaimable or 0) == PORTS
    for _ in range(4):  # the first four ports that are asked about may all be given back
        usage = usage if usage.used else usage_of(observer)
    assert 0 < usage.used < PORTS
    assert lab.connect_until_full(REMOTE) == PORTS // 2


def test_far_from_the_limit(lab: Lab, observer: Observer) -> None:
    """While many ports are free no entry is touched."""
    leave_time_wait(lab, 20)
    let_them_be_reused()
    usage = usage_of(observer)
    assert (usage.used, usage.reclaimable, usage.refused) == (0, 20, None)
    assert time_wait_entries() == 20


def test_without_the_canary(lab: Lab) -> None:
    """If the canary is off, the rules are trusted, and no entry is touched."""
    leave_time_wait(lab, PORTS)
    let_them_be_reused()
    for collectors, left in ((("pools",), PORTS), (("pools", "canary"), PORTS - 4)):
        host = open_host(wishes(*collectors), PROCFS, best_parser(), sys.platform)
        host.own.take(Config())
        host.own.close()
        assert time_wait_entries() == left


def test_default_listing(lab: Lab, observer: Observer) -> None:
    """Such a pool has a row although by the rules none of its ports is used."""
    leave_time_wait(lab, PORTS, bound=True)
    let_them_be_reused()
    outbound = sampler_of(observer.namespace.sources).take(Config()).get(POOLS)["outbound"]
    assert [pool.usage.used for pool in outbound.listed] == [PORTS]
    assert outbound.ratio_max == 1
