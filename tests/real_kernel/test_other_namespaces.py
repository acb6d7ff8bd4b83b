"""The numbers of another network namespace are those that the usual tools show inside it."""

import re
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tcp_pressure_exporter.pools.directions import OUTBOUND
from tcp_pressure_exporter.sample.namespaces import NamespaceChoice
from tcp_pressure_exporter.sample.sample import (
    CLOSE_WAIT,
    KERNEL_EVENTS,
    LIMITS,
    LOCAL_PORTS,
    POOLS,
    SOCKETS,
    SYSCTLS,
    NamespaceSample,
)
from tests.support.labs.lab import SERVER_PORT, Lab, open_lab, time_wait_here
from tests.support.labs.network_namespace import set_sysctl
from tests.support.labs.other_namespaces import (
    RUN_NETNS,
    OtherNamespaces,
    in_namespace,
    inside,
    ip_netns,
)
from tests.support.labs.watched_namespaces import Watch, watching

REMOTES = ("127.0.0.9", "::1")
SS_STATES = {
    "ESTAB": "established",
    "LISTEN": "listen",
    "TIME-WAIT": "time_wait",
    "FIN-WAIT-2": "fin_wait2",
    "CLOSE-WAIT": "close_wait",
}


class Scene(NamedTuple):
    """A namespace of ip-netns(8), its sockets, and who watches it from outside."""

    name: str
    lab: Lab
    watch: Watch

    def sample(self) -> NamespaceSample:
        """Return the sample of the namespace."""
        return self.watch.take()[0][self.name]

    def inside(self, *command: str) -> list[str]:
        """Run a command in the namespace and return its lines."""
        return in_namespace(self.name, *command).splitlines()


@pytest.fixture(params=["netlink", pytest.param("bpf", marks=pytest.mark.bpf("connections"))])
def scene(others: OtherNamespaces, request: pytest.FixtureRequest) -> Iterator[Scene]:
    """Make a namespace with its own settings, and connections of both families in it.

    It is watched by each source of sockets.
    """
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            set_sysctl("ip_local_port_range", "50000 50999")
            set_sysctl("ip_local_reserved_ports", "50010-50019,60000")
            set_sysctl("tcp_fin_timeout", 33)
            set_sysctl("tcp_tw_reuse", 0)
            lab = stack.enter_context(open_lab())
            for remote in REMOTES:
                pairs = [lab.connect(remote) for _ in range(40)]
                for pair in pairs[:8]:
                    time_wait_here(pair)
                for client, _accepted in pairs[8:11]:
                    client.close()  # FIN_WAIT2 here, CLOSE_WAIT there
        # The acknowledgement of a FIN may be delayed by 40 ms.
        deadline = time.monotonic() + 5
        while in_namespace(name, "ss", "-tanH", "state", "fin-wait-1"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        choice = NamespaceChoice(include=re.compile(name))
        # Where BPF programs count, fewer pools are listed.
        collectors = COLLECTORS.keys() - {"failures", "active_closes"}
        watched = watching(others, choice, collectors, names=RUN_NETNS, source=request.param)
        watch = stack.enter_context(watched)
        yield Scene(name, lab, watch)


def test_sockets(scene: Scene) -> None:
    """Every family and state has the count that ss has in the namespace, zeros included."""
    expected: Counter[tuple[str, str]] = Counter()
    for line in scene.inside("ss", "-tanH"):
        state, _received, _sent, local, *_ = line.split()
        expected["ipv6" if local.startswith("[") else "ipv4", SS_STATES[state]] += 1
    sockets = scene.sample().outcome(SOCKETS)
    assert sockets is not None
    assert sockets.get() == {
        (family, state): expected[family, state]
        for family in ("ipv4", "ipv6")
        for state in STATE_NAMES.values()
    }
    assert expected["ipv4", "established"] == expected["ipv6", "established"] == 2 * (40 - 8 - 3)
    assert expected["ipv4", "time_wait"] == 8


def test_settings(scene: Scene) -> None:
    """The port range and the sysctls are those of the namespace, not the exporter's own."""
    sample = scene.sample()
    ports = sample.get(LOCAL_PORTS)
    assert (ports.low, ports.high, ports.reserved, ports.usable) == (50000, 50999, 10, 990)
    assert sample.get(SYSCTLS)["tcp_fin_timeout"] == 33
    assert ports.used == len(
        {
            line.split()[3].rsplit(":", 1)[1]
            for line in scene.inside("ss", "-tanH")
            if f":{SERVER_PORT} " in line.split(maxsplit=4)[4]
        }
    )


def nstat(scene: Scene) -> dict[str, int]:
    lines = [line.split() for line in scene.inside("nstat", "-asz") if not line.startswith("#")]
    return {name: int(value) for name, value, _rate in lines}


def test_counters(scene: Scene) -> None:
    """The kernel's counters are those that nstat shows in the namespace."""
    before, events, after = nstat(scene), scene.sample().outcome(KERNEL_EVENTS), nstat(scene)
    assert events is not None
    assert events.get()["ActiveOpens"] == before["TcpActiveOpens"] == 80
    assert events.get()["PassiveOpens"] == before["TcpPassiveOpens"] == 80
    assert before["TcpExtTW"] <= events.get()["TW"] <= after["TcpExtTW"]


def test_close_wait(scene: Scene) -> None:
    """Sockets that the peer has closed are counted, under the right cause."""
    close_wait = scene.sample().outcome(CLOSE_WAIT)
    assert close_wait is not None
    counts = {cause: count.sockets for cause, count in close_wait.get().causes.items()}
    assert counts == {"eof_unread": 6, "not_closed": 0, "peer_gone": 0, "window_closed": 0}


def test_pools(scene: Scene) -> None:
    """A pool is as full as its number of ports says; at most two per direction are listed."""
    pools = scene.sample().outcome(POOLS)
    assert pools is not None
    table = pools.get()[OUTBOUND]
    assert {(pool.remote_address, pool.usage.used) for pool in table.listed} == {
        ("127.0.0.9", 40),
        ("::1", 40),
    }
    with inside(scene.name):
        for number in (1, 2, 3):
            for _ in range(15 * number):
                scene.lab.connect(f"127.0.1.{number}")
    pools = scene.sample().outcome(POOLS)
    assert pools is not None
    table = pools.get()[OUTBOUND]
    fullest, second = (pool.remote_address for pool in table.listed)
    assert fullest == "127.0.1.3"
    assert second in REMOTES  # both are as full
    assert table.count == 5


def buckets(scene: Scene) -> tuple[int, int]:
    limits = scene.sample().outcome(LIMITS)
    assert limits is not None
    ((used, limit),) = [(r.used, r.limit) for r in limits.get() if r.name == "time_wait_buckets"]
    return used, limit


def test_time_wait_buckets(scene: Scene) -> None:
    """The TIME_WAIT entries of the namespace are counted against its own limit."""
    with inside(scene.name):
        set_sysctl("tcp_max_tw_buckets", 777)
    # Sockets in FIN_WAIT2 have no owner any more, and count too.
    assert buckets(scene) == (2 * (8 + 3), 777)


def test_small_and_full(others: OtherNamespaces) -> None:
    """A namespace with few ports, all used, is sampled if it is asked for by name."""
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            set_sysctl("ip_local_port_range", "50000 50019")
            lab = stack.enter_context(open_lab())
            assert lab.connect_until_full(REMOTES[0], "127.0.0.1") == 20
        with watching(others, NamespaceChoice(re.compile(name)), names=RUN_NETNS) as watch:
            [sample] = watch.take()[0].values()
    assert sample.netns == name
    assert sample.get(POOLS)[OUTBOUND].ratio_max == 1.0
