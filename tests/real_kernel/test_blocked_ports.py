"""Ports that bound sockets and listeners keep from every connect(), with a pool and without."""

import errno
import math
import random
import socket
from contextlib import closing

import psutil
import pytest

from tcp_pressure_exporter.daemon.collectors import COLLECTORS
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.sample.sample import LOCAL_PORTS, POOLS, NamespaceSample
from tcp_pressure_exporter.sources.owners.cgroups import Cgroups
from tcp_pressure_exporter.sources.owners.owners import Owners
from tcp_pressure_exporter.sources.owners.processes import find_processes
from tcp_pressure_exporter.verdict.actions import actions
from tcp_pressure_exporter.verdict.assessment import assess
from tcp_pressure_exporter.verdict.headline import headline
from tests.support.labs.lab import EVERYTHING, Lab, Observer
from tests.support.labs.network_namespace import set_sysctl
from tests.support.sampled import Namespace, sampler_of

OWN_NAME = psutil.Process().name()


def bind_all(lab: Lab) -> int:
    """Bind sockets to every port that is left, without connecting; return how many."""
    made = 0
    while made < 1000:
        sock = lab.keep(socket.socket())
        try:
            sock.bind(("0.0.0.0", 0))
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
            return made
        made += 1
    raise AssertionError("the range did not fill")


def outbound(sample: NamespaceSample) -> tuple[int, float, float, float]:
    """Return how many outbound pools there are, their highest ratios, and the time left."""
    table = sample.get(POOLS)["outbound"]
    assert table.churn is not None
    return table.count, table.ratio_max, table.ratio_max_1m, table.churn.exhaustion_seconds


@pytest.fixture
def narrow(lab: Lab) -> Lab:
    """Give the lab a hundred local ports."""
    set_sysctl("ip_local_port_range", "40000 40099")
    return lab


def test_bound_only(narrow: Lab, observer: Observer) -> None:
    """If every port is bound, there is no pool, no connect() succeeds, and that is critical."""
    assert bind_all(narrow) == 100
    assert narrow.connect_until_full("127.0.0.9") == 0
    sample = observer.sample()
    assert outbound(sample) == (0, 1.0, 1.0, 0.0)
    found = assess(sample)
    assert found.severity is Severity.CRITICAL
    assert headline(found).startswith("All 100 local ports are held by bound sockets")
    assert sample.get(LOCAL_PORTS).owners == (OwnerCount(own_owner(sample), 100),)
    [action] = actions(found)
    assert OWN_NAME in action.advice


def test_bound_beside_live(narrow: Lab, observer: Observer) -> None:
    """If five connections fill a pool with 95 bound ports, those and their owner are blamed.

    Another address is not advised: it gives only five more ports.
    """
    for _ in range(5):
        narrow.connect("127.0.0.9")
    assert bind_all(narrow) == 95
    assert narrow.connect_until_full("127.0.0.9") == 0
    sample = observer.sample()
    assert outbound(sample) == (1, 1.0, 1.0, 0.0)
    found = assess(sample)
    first, second, *_ = found.pressures
    assert (first.kind, first.used, first.limit) == ("blocked_ports", 95, 100)
    assert (second.kind, second.used) == ("outbound", 100)
    assert first.advice == second.advice
    assert f"95 of 100 ports are bound or listened on, most by {OWN_NAME} (95)" in first.advice
    words = " ".join(action.advice for action in actions(found))
    assert "open connections" not in words
    assert "one more" not in words
    assert narrow.connect_until_full("127.0.0.8") == 5


def test_all_reserved(narrow: Lab, observer: Observer) -> None:
    """If all ports are reserved, none is usable: critical, although nothing is used."""
    set_sysctl("ip_local_reserved_ports", "40000-40099")
    assert narrow.connect_until_full("127.0.0.9") == 0
    sample = observer.sample()
    assert outbound(sample) == (0, 1.0, 1.0, 0.0)
    found = assess(sample)
    assert found.severity is Severity.CRITICAL
    assert headline(found).startswith("No local port is usable")
    assert "ip_local_reserved_ports" in found.pressures[0].advice


def test_range_of_listeners(narrow: Lab, observer: Observer) -> None:
    """If listeners hold the whole range, no connect() succeeds, and that is critical."""
    for port in range(40000, 40100):
        narrow.listen("127.0.0.1", port)
    assert narrow.connect_until_full("127.0.0.9") == 0
    sample = observer.sample()
    assert outbound(sample) == (0, 1.0, 1.0, 0.0)
    found = assess(sample)
    assert found.severity is Severity.CRITICAL
    assert found.pressures[0].owners == (SeenOwner(own_owner(sample), 100),)


def test_some_bound(narrow: Lab, observer: Observer) -> None:
    """A pool to a new destination begins with the bound ports, and has room for all others."""
    for port in range(40000, 40030):
        narrow.bind("0.0.0.0", port)
    sample = observer.sample()
    assert outbound(sample) == (0, 0.3, 0.3, math.inf)
    assert assess(sample).severity is Severity.CALM
    assert narrow.connect_until_full("127.0.0.9") == 70


@pytest.mark.parametrize("seed", range(6))
def test_any_mixture(narrow: Lab, observer: Observer, seed: int) -> None:
    """Whatever is reserved, bound or served, the rest is what connect() to anywhere finds."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    reserved = chance.sample(range(40000, 40100), chance.randrange(60))
    set_sysctl("ip_local_reserved_ports", ",".join(map(str, reserved)))
    owned = chance.sample(range(40000, 40100), chance.randrange(20, 100))
    for port in owned:
        take = chance.choice([narrow.bind, narrow.listen])
        take(chance.choice(["0.0.0.0", "127.0.0.1", "127.0.0.7", "::", "::1"]), port)
    usable = 100 - len(reserved)
    blocked = len(set(owned) - set(reserved))
    count, highest, _, left = outbound(observer.sample())
    assert (count, highest) == (0, blocked / usable)
    assert (left == 0) == (blocked == usable)
    assert narrow.connect_until_full("127.0.0.9") == usable - blocked


def test_other_namespace(lab: Lab) -> None:
    """Another namespace whose listeners hold the whole range is critical as well."""
    set_sysctl("ip_local_port_range", "40000 40009")
    for port in range(40000, 40010):
        lab.listen("127.0.0.1", port)
    owners = Owners(Cgroups(), find_processes)
    shared = [name for name, row in COLLECTORS.items() if not row.own_alone]
    with closing(Namespace(bound_only=False).sources) as sources:
        found = assess(sampler_of(sources, owners, shared).take(EVERYTHING))
    assert found.severity is Severity.CRITICAL
    assert found.pressures[0].owners[0].owner.process == OWN_NAME


def test_released(narrow: Lab, observer: Observer) -> None:
    """Once the listeners are closed all is calm; the last minute remembers them."""
    listeners = [narrow.listen("127.0.0.1", port) for port in range(40000, 40100)]
    assert outbound(observer.sample()) == (0, 1.0, 1.0, 0.0)
    for sock in listeners:
        sock.close()
    sample = observer.sample()
    assert outbound(sample) == (0, 0.0, 1.0, math.inf)
    assert assess(sample).severity is Severity.CALM


def own_owner(sample: NamespaceSample) -> Owner:
    """Return the owner that the sample names for the sockets of this process."""
    [count] = sample.get(LOCAL_PORTS).owners
    assert count.owner.process == OWN_NAME
    return count.owner
