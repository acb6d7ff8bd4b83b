"""Inbound pools: how many of its own ports a load balancer in front of this host has used."""

import math
import time
from ipaddress import ip_network

from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.sample.sample import NamespaceSample
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.pressures import Pressure
from tests.support.labs.lab import SERVER_PORT, Lab, Observer, time_wait_there
from tests.support.labs.network_namespace import set_sysctl

PORT = str(SERVER_PORT)


def test_remote_ports_of_a_balancer(lab: Lab, observer: Observer) -> None:
    """Live and TIME_WAIT connections from one address count as its used ports."""
    set_sysctl("ip_local_port_range", "40000 40099")
    for _ in range(3):
        lab.connect("127.0.0.1", "127.0.0.50")
    for pair in [lab.connect("127.0.0.1", "127.0.0.50") for _ in range(5)]:
        time_wait_there(pair)
    usage = observer.pool("inbound", "127.0.0.1", "127.0.0.50", PORT).usage
    assert (usage.used, usage.time_wait, usage.limit) == (8, 5, 28232)
    assert usage.reclaimable is None


def test_how_many_ports_a_remote_has_is_told_by_them(lab: Lab, observer: Observer) -> None:
    """Beyond Linux's default range it is taken to have all ports from 1024 on."""
    for ports, limit in (("50000 50099", 28_232), ("20000 20099", 64_512)):
        set_sysctl("ip_local_port_range", ports)
        lab.connect("127.0.0.1", "127.0.0.60")
        assert observer.pool("inbound", "127.0.0.1", "127.0.0.60", PORT).usage.limit == limit


def test_each_remote_is_a_pool(lab: Lab, observer: Observer) -> None:
    """Two remotes are two pools; a v4-mapped client is the IPv4 remote it is."""
    lab.connect("127.0.0.1", "127.0.0.50")
    lab.connect("127.0.0.1", "127.0.0.51", mapped=True)
    inbound = observer.tables()["inbound"]
    assert {pool.remote_address for pool in inbound.listed} == {"127.0.0.50", "127.0.0.51"}
    assert inbound.count == 2


def test_a_port_that_is_used_again_counts_once(lab: Lab, observer: Observer) -> None:
    """A SYN for a port in TIME_WAIT replaces its entry: ten closes may leave five ports used."""
    set_sysctl("ip_local_port_range", "40000 40004")
    for _ in range(10):
        time_wait_there(lab.connect("127.0.0.1", "127.0.0.50"))
    usage = observer.pool("inbound", "127.0.0.1", "127.0.0.50", PORT).usage
    assert usage.used == usage.time_wait
    assert usage.used <= 5


BALANCER = RemoteGroup("lb", (ip_network("127.0.0.50/32"),), ports=1000)
WITH_BALANCER = Config(groups=RemoteGroups([BALANCER]))


def of_the_balancer(sample: NamespaceSample) -> Pressure:
    [found] = [pressure for pressure in assess(sample).pressures if pressure.kind == "inbound"]
    return found


def close_there(lab: Lab, ports: range) -> None:
    """Connect from these ports of the balancer, each closed first here."""
    for port in ports:
        time_wait_there(lab.connect("127.0.0.1", "127.0.0.50", port))


def test_a_balancer_that_uses_its_ports_again(lab: Lab, observer: Observer) -> None:
    """If each new connection takes over an entry in TIME_WAIT, no end is in sight.

    400 closes in an instant are 40 a second in the mean of ten, at which the 600 free ports last 15
    s. Until two samples have shown that no port is taken, that is a warning.
    """
    again = range(40000, 40400)
    close_there(lab, again)
    first = of_the_balancer(observer.sample(WITH_BALANCER))
    assert (first.used, first.limit, first.severity) == (400, 1000, Severity.WARNING)
    time.sleep(1.1)
    close_there(lab, again)
    later = of_the_balancer(observer.sample(WITH_BALANCER))
    assert (later.used, later.severity, later.seconds_left) == (400, Severity.CALM, math.inf)


def test_a_balancer_that_takes_more_ports(lab: Lab, observer: Observer) -> None:
    """If each new connection takes another port, the forecast says so, as a warning."""
    close_there(lab, range(40000, 40100))
    observer.sample(WITH_BALANCER)
    time.sleep(1.1)
    close_there(lab, range(40100, 40300))
    found = of_the_balancer(observer.sample(WITH_BALANCER))
    assert (found.used, found.severity) == (300, Severity.WARNING)
    assert found.seconds_left is not None
    assert 0 < found.seconds_left < 60
