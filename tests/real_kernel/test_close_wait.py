"""Sockets that real applications and peers leave in CLOSE_WAIT: why, since when, and owners."""

import subprocess
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from ipaddress import IPv6Address
from pathlib import Path

import pytest

from tcp_pressure_exporter.facts.close_wait import CAUSES
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.tally import TallyRules
from tcp_pressure_exporter.facts.time_wait import TimeWaitReuse
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.sample.sample import CLOSE_WAIT
from tcp_pressure_exporter.sources.counting.parser import Parser, compiled_parser, readable_parser
from tcp_pressure_exporter.sources.netlink import inet_diag
from tcp_pressure_exporter.sources.netlink.entries import close_wait_sockets
from tests.support.labs.cgroup_tree import cgroup_tree
from tests.support.labs.close_wait_lab import (
    eof_unread,
    leaking_process,
    not_closed,
    peer_about_to_go,
    vanish,
    window_closed,
)
from tests.support.labs.lab import Lab, Observer, open_observer
from tests.support.labs.network_namespace import add_address

EACH = 20
PATIENCE_SECONDS = 10.0
# The address of the peer tells why its socket is there.
PEERS = {
    "10.9.0.1": "eof_unread",
    "10.9.0.2": "not_closed",
    "10.9.0.3": "peer_gone",
    "10.9.0.4": "window_closed",
    "10.9.0.5": "peer_gone",
}
RULES = TallyRules(
    0, 0, 0, TimeWaitReuse(everywhere=False, on_loopback=False), kept_states=inet_diag.CLOSE_WAIT
)


def table(observer: Observer) -> CloseWait:
    outcome = observer.sample().outcome(CLOSE_WAIT)
    assert outcome is not None
    return outcome.get()


def counts(observer: Observer) -> dict[str, int]:
    return {cause: count.sockets for cause, count in table(observer).causes.items()}


def await_that(condition: Callable[[], bool]) -> None:
    """Wait for what the kernel does by its own timers."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, "it did not come about"
        time.sleep(0.02)


def found_gone(observer: Observer) -> bool:
    return counts(observer)["peer_gone"] == 2 * EACH


def parsers() -> list[Parser]:
    compiled = compiled_parser()
    assert compiled is not None
    return [compiled, readable_parser()]


def test_every_cause(lab: Lab) -> None:
    """Each of a hundred sockets gets the cause for which it was left there."""
    for address in PEERS:
        add_address(f"{address}/32")
    going = []
    for _ in range(EACH):
        eof_unread(lab, "10.9.0.1")
        not_closed(lab, "10.9.0.2")
        going.append(peer_about_to_go(lab, "10.9.0.3"))
        window_closed(lab, "10.9.0.4")
        going.append(peer_about_to_go(lab, "10.9.0.5"))
    vanish("10.9.0.3", silently=True)
    vanish("10.9.0.5", silently=False)
    for _client, accepted in going:
        accepted.send(b"is anybody there?")
    for parser in parsers():
        with open_observer(parser) as observer:
            await_that(partial(found_gone, observer))
            kept = observer.namespace.tally(RULES).kept
    told = Counter(
        (str(IPv6Address(socket.remote_address).ipv4_mapped), socket.cause)
        for socket in close_wait_sockets(kept)
    )
    assert told == dict.fromkeys(PEERS.items(), EACH)


def test_sockets_that_are_no_problem(lab: Lab, observer: Observer) -> None:
    """Open and closed connections count for no cause; every cause is there all the same."""
    lab.connect("127.0.0.9")
    assert counts(observer) == dict.fromkeys(CAUSES, 0)
    assert {count.oldest_seconds for count in table(observer).causes.values()} == {0.0}


def test_like_ss(lab: Lab, observer: Observer) -> None:
    """The causes add up to the sockets that ss shows."""
    for _ in range(7):
        eof_unread(lab, "127.0.0.1")
        not_closed(lab, "127.0.0.1")
    shown = subprocess.check_output(["ss", "-Htn", "state", "close-wait"], text=True)
    assert sum(counts(observer).values()) == len(shown.splitlines()) == 14


def test_age_of_what_was_there_before(lab: Lab) -> None:
    """A socket older than the exporter is at least as old as the last word from its peer."""
    not_closed(lab, "127.0.0.1")
    closed_at = time.monotonic()
    time.sleep(1.5)
    with open_observer() as observer:
        oldest = table(observer).causes["not_closed"].oldest_seconds
    assert 1.4 <= oldest <= time.monotonic() - closed_at + 0.1


def test_age_grows_while_the_peer_is_heard(lab: Lab, observer: Observer) -> None:
    """An answer from the peer makes no socket younger: the beginning of its wait is remembered."""
    begun = time.monotonic()
    _client, accepted = peer_about_to_go(lab, "127.0.0.1")
    assert table(observer).causes["not_closed"].sockets == 1
    first_seen = time.monotonic()
    time.sleep(0.6)
    accepted.send(b"still here")  # the peer's kernel acknowledges: last heard is now
    time.sleep(0.2)
    known = time.monotonic() - first_seen
    oldest = table(observer).causes["not_closed"].oldest_seconds
    assert known - 0.1 <= oldest <= time.monotonic() - begun + 0.1


def test_leaking_process_is_named(lab: Lab, tmp_path: Path) -> None:
    """The leak has the name of the unit and of the process, and the most sockets come first."""
    with cgroup_tree(tmp_path) as tree:
        for unit in ("small.service", "leak.service"):
            tree.make(unit)
        with (
            leaking_process(lab, tree.root / "leak.service", 40),
            leaking_process(lab, tree.root / "small.service", 3),
            open_observer() as observer,
        ):
            table(observer)
            time.sleep(1.1)  # owners that close soon are not looked up
            found = table(observer)
    assert found.owners == (
        (Owner("leak.service", "leaky"), 40),
        (Owner("small.service", "leaky"), 3),
    )
    assert found.remotes == ()
    assert found.unlisted == 0
    assert found.causes["eof_unread"].sockets == 43


@pytest.mark.usefixtures("netns")
def test_nothing_to_attribute(lab: Lab, observer: Observer) -> None:
    """Without a socket in CLOSE_WAIT there is no owner and no remote."""
    lab.connect("127.0.0.9")
    found = table(observer)
    assert (found.owners, found.remotes, found.unlisted) == ((), (), 0)
