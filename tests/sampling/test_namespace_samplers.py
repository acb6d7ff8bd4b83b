"""Which network namespaces are sampled, and what that costs; on a real kernel."""

import socket
from pathlib import Path
from typing import Any

import pytest

from tcp_pressure_exporter.facts.tally import BPF
from tcp_pressure_exporter.sample.namespaces import Census, NamespaceChoice
from tcp_pressure_exporter.sample.sample import SOCKETS
from tcp_pressure_exporter.sources.netlink import sockets as diag_socket
from tcp_pressure_exporter.sources.netlink.inet_diag import NOT_LISTENING, encode_request
from tests.support.labs.cgroup_tree import cgroup_tree
from tests.support.labs.other_namespaces import OtherNamespaces
from tests.support.labs.own_process import descriptors, own_namespace
from tests.support.labs.watched_namespaces import watching

BUSY = 60
A = "0e768f8db752fcd648adb264498daa1d8f31562320e881d6a9ec593d24b1f779"


def test_busy_and_quiet(others: OtherNamespaces) -> None:
    """A namespace with many sockets has a sample, one with few is counted."""
    others.name("busy", BUSY)
    others.name("quiet", 49)
    others.run()
    with watching(others) as watch:
        samples, census = watch.take()
    assert list(samples) == ["busy"]
    assert census == Census(sampled=1, quiet=2)


@pytest.mark.bpf
def test_few_sockets_by_bpf(others: OtherNamespaces) -> None:
    """Where BPF finds the sockets of all at once, one is enough; a namespace without is quiet."""
    others.name("few", 1)
    others.name("empty")
    with watching(others, source=BPF) as watch:
        samples, census = watch.take()
    assert list(samples) == ["few"]
    assert census == Census(sampled=1, quiet=1)


def test_ipv6_is_busy(others: OtherNamespaces) -> None:
    """IPv6 sockets count as much, and so do those of a namespace without a process."""
    others.name("six", BUSY, socket.AF_INET6)
    with watching(others) as watch:
        assert watch.labels() == ["six"]


def test_all_collectors_work(others: OtherNamespaces) -> None:
    """Every collector works there, except those for the exporter's own namespace only.

    Those that count by BPF work if programs can be loaded.
    """
    others.name("busy", BUSY)
    with watching(others) as watch:
        samples, _census = watch.take()
    outcomes = dict(samples["busy"].outcomes())
    assert set(outcomes) - {"failures", "active_closes"} == {
        *("sockets", "local_ports", "pools", "close_wait", "listen_queues", "limits"),
        *("kernel_events", "sysctls", "findings"),
    }
    assert [outcome.error for outcome in outcomes.values()] == [None] * len(outcomes)


def test_collectors_that_are_off(others: OtherNamespaces) -> None:
    """A collector that is off is off in all namespaces."""
    others.name("busy", BUSY)
    with watching(others, collectors=["limits", "canary"]) as watch:
        samples, _census = watch.take()
    assert [name for name, _outcome in samples["busy"].outcomes()] == ["limits"]


def test_thread_is_home_afterwards(others: OtherNamespaces) -> None:
    """After a sample the thread is in its own namespace."""
    home = own_namespace()
    others.name("busy", BUSY)
    others.name("quiet")
    with watching(others) as watch:
        watch.take()
        assert own_namespace() == home


def test_appearing_and_vanishing(others: OtherNamespaces) -> None:
    """A namespace is in the next sample, and gone from the next after its end."""
    with watching(others) as watch:
        assert watch.census() == Census()
        blue = others.name("blue", BUSY)
        box = others.run(sockets=BUSY)
        assert set(watch.labels()) == {"blue", f"ns:{box.inode}"}
        others.end(box)
        assert watch.labels() == ["blue"]
        others.forget("blue")
        assert watch.take() == ({}, Census())
        assert f"net:[{blue.inode}]" not in descriptors().values()


def test_no_descriptor_of_what_is_not_sampled(others: OtherNamespaces) -> None:
    """Only a namespace that is sampled is kept open: the kernel may remove all others."""
    busy = others.name("busy", BUSY)
    others.name("quiet")
    others.name("unlisted", BUSY - 5)
    with watching(others, NamespaceChoice(most=1)) as watch:
        watch.take()
        links = [link for link in descriptors().values() if link.startswith("net:[")]
    own = own_namespace()
    assert sorted(links) == sorted([own, f"net:[{busy.inode}]"])


def test_mount_stays_free(others: OtherNamespaces) -> None:
    """The name of a namespace that is sampled can be unmounted: the exporter holds no mount."""
    others.name("blue", BUSY)
    with watching(others) as watch:
        assert watch.labels() == ["blue"]
        others.forget("blue")  # fails where the mount is busy


def test_a_name_that_is_given_anew(others: OtherNamespaces) -> None:
    """A namespace that is deleted and made again under its name is another one, seen at once."""
    others.name("blue", BUSY)
    with watching(others) as watch:
        samples, _census = watch.take()
        assert samples["blue"].get(SOCKETS)["ipv4", "listen"] == BUSY
        others.forget("blue")
        others.name("blue", BUSY + 7)
        samples, _census = watch.take()
        assert samples["blue"].get(SOCKETS)["ipv4", "listen"] == BUSY + 7


def test_falling_quiet(others: OtherNamespaces) -> None:
    """A namespace stays until it has fewer than 40 sockets, and comes back with 50."""
    blue = others.name("blue", BUSY)
    with watching(others) as watch:
        assert watch.labels() == ["blue"]
        while len(blue.sockets) > 40:
            blue.sockets.pop().close()
        assert watch.labels() == ["blue"]
        blue.sockets.pop().close()
        assert watch.take() == ({}, Census(quiet=1))


def test_diag_socket_is_kept(others: OtherNamespaces) -> None:
    """The netlink socket of a namespace is opened once: no descriptor changes between samples."""
    others.name("blue", BUSY)
    others.name("green", BUSY)
    # Without NAT: if this host tracks connections, it would have an additional socket.
    with watching(others, collectors=["sockets", "pools"]) as watch:
        before = len(descriptors())
        watch.take()
        first = descriptors()
        for _ in range(3):
            watch.take()
        assert descriptors() == first
    # The own diag socket stays; each of the two had a descriptor of the namespace and a socket.
    assert len(first) - before == 1 + 2 * 2


def test_busiest(others: OtherNamespaces) -> None:
    """No more than allowed have series: the busiest, without taking turns; the rest are counted."""
    small, middle = others.name("small", 60), others.name("middle", 70)
    others.name("large", 80)
    with watching(others, NamespaceChoice(most=2)) as watch:
        assert watch.take()[0].keys() == {"large", "middle"}
        while len(middle.sockets) > 58:
            middle.sockets.pop().close()
        samples, census = watch.take()
        assert samples.keys() == {"large", "middle"}
        assert census == Census(sampled=2, unlisted=1)
        while len(middle.sockets) > 50:
            middle.sockets.pop().close()
        assert watch.take()[0].keys() == {"large", "small"}
    assert len(small.sockets) == 60


@pytest.fixture
def walks(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the namespaces of the requests that make the kernel walk over all connections."""
    asked: list[str] = []

    def encode(states: int, sequence: int, *rest: Any) -> bytes:
        if states & NOT_LISTENING:
            asked.append(own_namespace())
        return encode_request(states, sequence, *rest)

    monkeypatch.setattr(diag_socket, "encode_request", encode)
    return asked


@pytest.mark.usefixtures("netns")  # the host's own may have other tests' connections
def test_walks(others: OtherNamespaces, walks: list[str], tmp_path: Path) -> None:
    """Of 50 containers 5 are busy: a sample costs six walks, one of them for the host."""
    with cgroup_tree(tmp_path / "cgroups") as tree:
        for number in range(50):
            scope = f"docker-{number:012x}{A[12:]}.scope"
            tree.make(scope)
            others.run(tree.root / scope, BUSY if number % 10 == 3 else number % 20)
        with watching(others) as watch:
            for _ in range(3):
                walks.clear()
                samples, census = watch.take()
                assert len(walks) == len(set(walks)) == 6
        others.close()  # before the cgroups are removed
    assert set(samples) == {f"{number:012x}" for number in (3, 13, 23, 33, 43)}
    assert census == Census(sampled=5, quiet=45)
