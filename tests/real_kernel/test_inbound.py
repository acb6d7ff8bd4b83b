"""Inbound pools: what a load balancer in front of this host has used of its own ports."""

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
    assert (usage.used, usage.time_wait, usage.limit) == (8, 5, 64512)
    assert usage.reclaimable is None


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
