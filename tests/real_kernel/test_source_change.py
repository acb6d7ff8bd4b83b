"""When netlink takes over from walks, and that sockets in CLOSE_WAIT then keep their ages."""

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, nullcontext

import pytest

from tcp_pressure_exporter.facts.questions import Missing, ToldBy
from tcp_pressure_exporter.facts.tally import BPF, NETLINK
from tcp_pressure_exporter.sample.sample import CLOSE_WAIT, NamespaceSample
from tcp_pressure_exporter.settings.config import Config
from tcp_pressure_exporter.sources.bpf.walk.sockets import WalkedSockets
from tcp_pressure_exporter.sources.bpf.walk.tables import Tables, open_tables
from tcp_pressure_exporter.sources.counting.parser import best_parser
from tcp_pressure_exporter.sources.systems.linux import linux_sources, other_namespace_sources
from tests.support.labs.close_wait_lab import peer_about_to_go
from tests.support.labs.lab import SERVER_PORT, Lab, Pair, open_lab, open_observer, wait_for_fin
from tests.support.labs.network_namespace import network_namespace, set_sysctl
from tests.support.labs.other_namespaces import inside, ip_netns, namespace_inode
from tests.support.sampled import PROC, sampler_of

pytestmark = pytest.mark.bpf("connections")

PATIENCE_SECONDS = 10.0


@pytest.fixture
def tables() -> Iterator[Tables]:
    opened = open_tables()
    assert not isinstance(opened, Missing), opened.reason
    yield opened
    opened.close()


def oldest(sample: NamespaceSample) -> float:
    """Return the age of the one socket in CLOSE_WAIT."""
    causes = sample.get(CLOSE_WAIT).causes.values()
    assert sum(cause.sockets for cause in causes) == 1
    return max(cause.oldest_seconds for cause in causes)


def accepted_side(pair: Pair) -> Callable[[], socket.socket]:
    """Leave the server's end in CLOSE_WAIT."""
    client, accepted = pair
    client.shutdown(socket.SHUT_WR)
    wait_for_fin(accepted)
    return lambda: accepted


def bound_to_device(lab: Lab) -> Callable[[], socket.socket]:
    """Leave a client that is bound to a device in CLOSE_WAIT."""
    client = lab.keep(socket.socket())
    client.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
    client.connect(("127.0.0.9", SERVER_PORT))
    accepted = lab.keep(lab.server4.accept()[0])
    accepted.shutdown(socket.SHUT_WR)
    wait_for_fin(client)
    return lambda: client


def not_accepted(lab: Lab) -> Callable[[], socket.socket]:
    """Leave a connection in CLOSE_WAIT that is accepted only later."""
    client = lab.keep(socket.create_connection(("127.0.0.9", SERVER_PORT)))
    client.shutdown(socket.SHUT_WR)
    return lambda: lab.keep(lab.server4.accept()[0])


@pytest.mark.parametrize(
    "leave",
    [
        pytest.param(lambda lab: accepted_side(lab.connect("127.0.0.9")), id="IPv4"),
        pytest.param(lambda lab: accepted_side(lab.connect("::1")), id="IPv6"),
        pytest.param(
            lambda lab: accepted_side(lab.connect("127.0.0.9", mapped=True)), id="v4-mapped"
        ),
        pytest.param(bound_to_device, id="bound to a device"),
        pytest.param(not_accepted, id="accepted meanwhile"),
    ],
)
def test_fallback(
    lab: Lab, tables: Tables, leave: Callable[[Lab], Callable[[], socket.socket]]
) -> None:
    """A socket that a walk saw keeps its age when netlink takes over, though its peer was heard."""
    stuck = leave(lab)
    with open_observer(tables=tables) as observer:
        sockets = observer.namespace.sockets
        assert isinstance(sockets, WalkedSockets)
        await_close_wait(observer.sample)
        seen_at = time.monotonic()
        assert sockets.told_by.source == BPF
        time.sleep(0.5)
        stuck().send(b"still here")  # the peer's kernel acknowledges: last heard is now
        tables.close()  # from now on no program runs
        known = time.monotonic() - seen_at
        age = oldest(observer.sample())
        assert sockets.told_by.source == NETLINK
        assert known <= age <= time.monotonic() - seen_at + 1.0
        assert max(sockets.close_wait_ages().values()) < age
        known = time.monotonic() - seen_at
        assert oldest(observer.sample()) >= known


def await_close_wait(sample: Callable[[], NamespaceSample]) -> None:
    """Take samples until one shows a socket in CLOSE_WAIT: that of an unaccepted one is late."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not any(cause.sockets for cause in sample().get(CLOSE_WAIT).causes.values()):
        assert time.monotonic() < deadline, "it is not in CLOSE_WAIT"
        time.sleep(0.02)


def test_taking_turns(tables: Tables) -> None:
    """In another namespace the ages go on, whichever source shows it in the next sample."""
    own = linux_sources(PROC, best_parser(), tables=tables)
    elsewhere = own.elsewhere
    assert elsewhere is not None
    with ip_netns() as name, ExitStack() as stack:
        with inside(name):
            lab = stack.enter_context(open_lab())
            _client, stuck = peer_about_to_go(lab, "127.0.0.1")
        sources = other_namespace_sources(PROC, best_parser(), own)
        stack.callback(sources.close)
        sampler = sampler_of(sources, collectors=("close_wait",))

        def take(look: AbstractContextManager[None]) -> float:
            with look, inside(name):
                age = oldest(sampler.take(Config()))
                stuck.send(b"still here")
                return age

        walk = [namespace_inode(name)]
        ages = [take(elsewhere.looked_at(walk))]
        seen_at = time.monotonic()
        for turn in range(4):
            time.sleep(0.25)
            known = time.monotonic() - seen_at
            ages.append(take(elsewhere.looked_at(walk) if turn % 2 else nullcontext()))
            assert ages[-1] >= known
    own.close()


def test_no_fallback(tables: Tables) -> None:
    """Many sockets in CLOSE_WAIT from one address, in long chains, are no reason to fall back."""
    with network_namespace():
        set_sysctl("tcp_child_ehash_entries", 16)
        with network_namespace(), open_lab() as lab, open_observer(tables=tables) as observer:
            for _ in range(50):
                accepted_side(lab.connect("127.0.0.9", "127.0.0.1"))
            causes = observer.sample().get(CLOSE_WAIT).causes.values()
            assert sum(cause.sockets for cause in causes) == 50
            sockets = observer.namespace.sockets
            assert isinstance(sockets, WalkedSockets)
            assert sockets.told_by == ToldBy(BPF, fallbacks=0)
