"""The owners of a real outbound pool's sockets."""

from pathlib import Path

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.near_limit.closer_look import PoolOwners
from tcp_pressure_exporter.sample.sample import POOL_OWNERS
from tests.support.labs.cgroup_tree import cgroup_tree
from tests.support.labs.close_wait_lab import connected_process
from tests.support.labs.lab import Lab, Observer, time_wait_here
from tests.support.labs.network_namespace import set_sysctl


def owners(observer: Observer) -> tuple[PoolOwners, ...]:
    outcome = observer.sample().outcome(POOL_OWNERS)
    assert outcome is not None
    return outcome.get()


def test_owners_of_a_pool(lab: Lab, observer: Observer, tmp_path: Path) -> None:
    """The services and processes of a pool near its limit are named; TIME_WAIT is nobody's."""
    set_sysctl("ip_local_port_range", "40000 40019")
    set_sysctl("tcp_tw_reuse", 0)
    for _ in range(3):
        time_wait_here(lab.connect("127.0.0.9"))
    with cgroup_tree(tmp_path) as tree:
        tree.make("proxy.service")
        tree.make("cron.service")
        with (
            connected_process(lab, tree.root / "proxy.service", 9),
            connected_process(lab, tree.root / "cron.service", 4),
        ):
            ((pool, found, _states),) = owners(observer)
    assert (pool.usage.used, pool.usage.time_wait) == (16, 3)
    assert [(one.owner, one.sockets) for one in found] == [
        (Owner("proxy.service", "leaky"), 9),
        (Owner("cron.service", "leaky"), 4),
    ]


def test_pool_far_from_its_limit(lab: Lab, observer: Observer) -> None:
    """Nobody is named as long as there is room."""
    set_sysctl("ip_local_port_range", "40000 40019")
    for _ in range(13):  # 65 %
        lab.connect("127.0.0.9")
    assert owners(observer) == ()


def test_only_sockets_of_the_pool(lab: Lab, observer: Observer) -> None:
    """Of the sockets connected to the same end, those at a bound port are not in the pool."""
    set_sysctl("ip_local_port_range", "40000 40019")
    for _ in range(16):
        lab.connect("127.0.0.9")
    for remote in ("127.0.0.8", "127.0.0.7"):
        lab.connect(remote)
    ((pool, found, _states),) = owners(observer)
    assert pool.remote_address == "127.0.0.9"
    assert sum(one.sockets for one in found) == 16
