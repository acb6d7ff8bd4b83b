"""Ports that connect() skips, by the kernel's table of bound ports: what is left is exact.

Each expected value is what connect() really did, in the same namespace, right after the sample.
"""

import random
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from tcp_pressure_exporter.facts.ports import port_range, port_set
from tcp_pressure_exporter.facts.questions import Missing
from tcp_pressure_exporter.sample.sample import CANARY, LOCAL_PORTS, POOLS
from tcp_pressure_exporter.sources.bpf.bind_hash import IN_STEP, OBJECT, BindHash
from tcp_pressure_exporter.sources.bpf.loading import load, opened
from tests.support.labs.lab import (
    SERVER_PORT,
    Lab,
    Observer,
    open_lab,
    open_observer,
    time_wait_here,
)
from tests.support.labs.network_namespace import (
    network_namespace,
    postpone_reuse,
    set_sysctl,
    shorten_reuse_delay,
)

pytestmark = pytest.mark.bpf

FIRST, LAST = 40000, 40019
REMOTE, LOCAL = "127.0.0.9", "127.0.0.1"
OPTIONS = ((), (socket.SO_REUSEADDR,), (socket.SO_REUSEPORT,))


@pytest.fixture(
    scope="module", params=[OBJECT, pytest.param(IN_STEP, marks=pytest.mark.bpf(IN_STEP))]
)
def table(request: pytest.FixtureRequest) -> Iterator[BindHash]:
    """Load each of the two programs once."""
    found = opened(request.param, BindHash, load)
    assert not isinstance(found, Missing), found.reason
    yield found
    found.close()


@pytest.fixture
def exact(lab: Lab, table: BindHash) -> Iterator[Observer]:  # noqa: ARG001 - the namespace of the lab
    """Observe the lab's namespace with the kernel's table."""
    set_sysctl("ip_local_port_range", f"{FIRST} {LAST}")
    set_sysctl("tcp_tw_reuse", 0)
    with open_observer(bind_table=table) as observer:
        yield observer


def bind_and_connect(lab: Lab, port: int, remote: str = REMOTE) -> tuple[socket.socket, ...]:
    client = lab.bind(LOCAL, port)
    client.connect((remote, SERVER_PORT))
    return client, lab.keep(lab.server4.accept()[0])


def test_bound_and_connected(lab: Lab, exact: Observer, table: BindHash) -> None:
    """A port that was bound before it was connected is hidden, and used in every pool."""
    for port in (40003, 40004):
        bind_and_connect(lab, port, "127.0.0.8")
    lab.connect(REMOTE)
    skipped = port_range(FIRST, LAST) & table.skipped_ports()
    assert skipped == port_set([40003, 40004])
    sample = exact.sample()
    assert sample.get(LOCAL_PORTS).hidden == 2
    assert exact.free("outbound", LOCAL, REMOTE, str(SERVER_PORT)) == 17
    assert lab.connect_until_full(REMOTE) == 17


def test_not_hidden(lab: Lab, exact: Observer) -> None:
    """Ports of listeners, of bound-only sockets, and of connect() itself are not hidden."""
    lab.listen("127.0.0.1", 40001)
    lab.bind("127.0.0.1", 40002)
    for _ in range(5):
        lab.connect(REMOTE)
    ports = exact.sample().get(LOCAL_PORTS)
    assert (ports.hidden, ports.blocked, ports.used) == (0, 2, 7)


def test_bound_only_comes_and_goes(lab: Lab, exact: Observer) -> None:
    """A port that is only bound counts from the next sample, and not once it is given back."""
    assert exact.sample().get(LOCAL_PORTS).used == 0
    bound = lab.bind("127.0.0.1", 40002)
    assert exact.sample().get(LOCAL_PORTS).used == 1
    bound.close()
    assert exact.sample().get(LOCAL_PORTS).used == 0


def test_owner_of_bound_only(lab: Lab, exact: Observer) -> None:
    """If most ports are only bound, their owner is named in the next sample too."""
    assert exact.sample().get(LOCAL_PORTS).owners == ()
    for port in range(FIRST, LAST):
        lab.bind("127.0.0.1", port)
    [owner] = exact.sample().get(LOCAL_PORTS).owners
    assert owner.sockets == LAST - FIRST


def test_no_estimate_beside(lab: Lab, exact: Observer) -> None:
    """If the number is exact, the canary makes no estimate, although the pool is half full."""
    for port in range(FIRST, FIRST + 12):
        bind_and_connect(lab, port)
    sample = exact.sample()
    assert sample.get(LOCAL_PORTS).hidden == 12
    assert sample.get(CANARY).hidden_ports is None


def test_other_namespaces_do_not_count(exact: Observer, lab: Lab) -> None:
    """The table is shared by all namespaces, and each gets its own ports."""
    with network_namespace(), open_lab() as other:
        bind_and_connect(other, 40007)
    bind_and_connect(lab, 40009)
    assert exact.sample().get(LOCAL_PORTS).hidden == 1


def test_given_back(lab: Lab, exact: Observer) -> None:
    """A port whose bound socket is gone without TIME_WAIT can be chosen again."""
    client, _accepted = bind_and_connect(lab, 40003)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, bytes((1, 0, 0, 0, 0, 0, 0, 0)))
    client.close()
    assert exact.sample().get(LOCAL_PORTS).hidden == 0
    assert lab.connect_until_full(REMOTE) == 20


def random_socket(lab: Lab, rng: random.Random) -> None:
    """Make one socket in one of many ways; a failure makes a scene too."""
    client = lab.keep(socket.socket())
    for option in rng.choice(OPTIONS):
        client.setsockopt(socket.SOL_SOCKET, option, 1)
    if rng.random() < 0.7:
        client.bind((rng.choice([LOCAL, "127.0.0.7"]), rng.choice([0, rng.randint(FIRST, LAST)])))
    match rng.choice(["bound", "listen", "connect", "connect", "reset", "time_wait"]):
        case "listen":
            client.listen()
        case "connect" | "reset" | "time_wait" as end:
            client.connect((rng.choice([REMOTE, REMOTE, "127.0.0.8"]), SERVER_PORT))
            pair = client, lab.keep(lab.server4.accept()[0])
            if end == "time_wait":
                time_wait_here(pair)
            elif end == "reset":
                linger = bytes((1, 0, 0, 0, 0, 0, 0, 0))
                client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                client.close()


@pytest.mark.parametrize("seed", range(16))
def test_random_scenes(seed: int, table: BindHash) -> None:
    """In ten random scenes per seed, what is published as free is what connect() finds."""
    rng = random.Random(seed)  # noqa: S311 - the same scenes at every run
    for _ in range(10):
        with network_namespace(), open_lab() as lab, open_observer(bind_table=table) as observer:
            set_sysctl("ip_local_port_range", f"{FIRST} {LAST}")
            set_sysctl("tcp_tw_reuse", 0)
            random_sockets(lab, rng)
            assert promised(observer) == lab.connect_until_full(REMOTE, LOCAL)


def random_sockets(lab: Lab, rng: random.Random) -> None:
    for _ in range(rng.randint(1, 25)):
        with suppress(OSError):
            random_socket(lab, rng)


def promised(observer: Observer) -> int:
    """Return how many connections to REMOTE there is room for, according to a sample."""
    sample = observer.sample()
    listed = sample.get(POOLS)["outbound"].listed
    ends = [(pool.local_address, pool.remote_address) for pool in listed]
    ports = sample.get(LOCAL_PORTS)
    used = ports.blocked
    if (LOCAL, REMOTE) in ends:
        used = listed[ends.index((LOCAL, REMOTE))].usage.used
    return ports.choosable - used


@pytest.mark.parametrize("seed", range(16))
def test_ports_given_back(seed: int, table: BindHash) -> None:
    """Ports that connect() takes over from TIME_WAIT count as free."""
    with scene_with_reuse(table) as (lab, observer):
        pause = shorten_reuse_delay()
        random_sockets(lab, random.Random(seed))  # noqa: S311 - the same scene at every run
        time.sleep(pause)
        assert promised(observer) == lab.connect_until_full(REMOTE, LOCAL)


@pytest.mark.parametrize("seed", range(16))
def test_ports_not_given_back_yet(seed: int, table: BindHash) -> None:
    """They count as used until it does."""
    for _ in range(20):
        with scene_with_reuse(table) as (lab, observer):
            until = postpone_reuse()
            random_sockets(lab, random.Random(seed))  # noqa: S311 - the same scene at every run
            free, found = promised(observer), lab.connect_until_full(REMOTE, LOCAL)
        if time.monotonic() < until:  # else it was too late for some of them
            assert free == found
            return
    raise AssertionError("this machine is too slow: 20 scenes took longer than a second each")


@contextmanager
def scene_with_reuse(table: BindHash) -> Iterator[tuple[Lab, Observer]]:
    with network_namespace(), open_lab() as lab, open_observer(bind_table=table) as observer:
        set_sysctl("ip_local_port_range", f"{FIRST} {LAST}")
        set_sysctl("tcp_tw_reuse", 1)
        yield lab, observer
