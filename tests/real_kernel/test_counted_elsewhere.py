"""What BPF programs count in other network namespaces: each has its own counts, as has the host."""

import re
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest

from tcp_pressure_exporter.facts.failures import CONNECT, NO_PORT, FailureKind
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND
from tcp_pressure_exporter.sample.counted.active_closes import ActiveCloses
from tcp_pressure_exporter.sample.namespaces import NamespaceChoice
from tcp_pressure_exporter.sample.sample import ACTIVE_CLOSES, POOLS, PORT_FAILURES
from tests.support.labs.lab import SERVER_PORT, Lab, open_lab, time_wait_here, time_wait_there
from tests.support.labs.network_namespace import set_sysctl
from tests.support.labs.other_namespaces import (
    RUN_NETNS,
    OtherNamespaces,
    in_namespace,
    inside,
    ip_netns,
)
from tests.support.labs.watched_namespaces import Watch, watching

pytestmark = pytest.mark.bpf

# In a separate process: what the exporter's own does is not an application's.
CONNECTS = f"""
import socket
socks = [socket.socket() for _ in range(9)]
print(sum(s.connect_ex(("127.0.0.9", {SERVER_PORT})) != 0 for s in socks))
"""


class Scene(NamedTuple):
    """A namespace of ip-netns(8) with a lab in it, and who watches it from outside."""

    name: str
    there: Lab
    watch: Watch

    def closes(self) -> ActiveCloses:
        return self.watch.take()[0][self.name].get(ACTIVE_CLOSES)


@pytest.fixture
def scene(lab: Lab, others: OtherNamespaces) -> Iterator[Scene]:  # noqa: ARG001 - the own namespace
    with ip_netns() as name, ExitStack() as stack:
        choice = NamespaceChoice(include=re.compile(name))
        watch = stack.enter_context(watching(others, choice, names=RUN_NETNS))
        with inside(name):
            set_sysctl("ip_local_port_range", "40000 40005")
            set_sysctl("tcp_tw_reuse", 0)
            there = stack.enter_context(open_lab())
        watch.take()  # what happens in a namespace counts from its first sample on
        yield Scene(name, there, watch)


def test_closes(lab: Lab, scene: Scene) -> None:
    """A namespace's first closers are reported there, and not in the exporter's own."""
    with inside(scene.name):
        for _ in range(3):
            time_wait_here(scene.there.connect("127.0.0.9"))
        time_wait_there(scene.there.connect("127.0.0.9"))
    for _ in range(5):
        time_wait_there(lab.connect("127.0.0.8"))
    found = scene.closes()
    assert {
        (one.pool.direction, one.pool.remote_address): n for one, n in found.listed.items()
    } == {(OUTBOUND, "127.0.0.9"): 3}
    # One of 64,512 ports is too few for a pool to be listed.
    assert found.unlisted == {OUTBOUND: 0, INBOUND: 1}


def test_pools_make_room(scene: Scene) -> None:
    """One pool of each direction is listed there, the fullest, so that the series stay bounded."""
    with inside(scene.name):
        for remote, number in (("127.0.0.9", 2), ("127.0.0.8", 4)):
            for _ in range(number):
                scene.there.connect(remote)
    tables = scene.watch.take()[0][scene.name].get(POOLS)
    assert [pool.remote_address for pool in tables[OUTBOUND].listed] == ["127.0.0.8"]
    assert (tables[OUTBOUND].count, tables[OUTBOUND].unlisted_ports_used) == (2, 2)


def test_failures(scene: Scene) -> None:
    """A connect() that finds no port in a namespace is reported there, and not in our own."""
    assert in_namespace(scene.name, sys.executable, "-c", CONNECTS) == "3\n"
    samples, _census = scene.watch.take()
    found = samples[scene.name].get(PORT_FAILURES)
    assert found.totals[FailureKind(CONNECT, NO_PORT)] == 3
    assert [owner.remote_address for owner in found.listed] == ["127.0.0.9"]


def test_own_namespace_is_apart(scene: Scene) -> None:
    """What happens elsewhere is not part of the exporter's own namespace's numbers."""
    with inside(scene.name):
        time_wait_here(scene.there.connect("127.0.0.9"))
    assert in_namespace(scene.name, sys.executable, "-c", CONNECTS) == "4\n"
    own = scene.watch.samplers.take(scene.watch.config).namespaces[0]
    assert own.get(ACTIVE_CLOSES) == ActiveCloses({}, {OUTBOUND: 0, INBOUND: 0})
    assert set(own.get(PORT_FAILURES).totals.values()) == {0}
