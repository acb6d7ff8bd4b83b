"""limit − used of a source pool is the number of bind(address, port 0) that still succeed."""

import pytest

from tests.support.labs.lab import Lab, Observer, time_wait_here
from tests.support.labs.network_namespace import set_sysctl

REMOTES = ["127.0.0.7", "127.0.0.8", "127.0.0.9"]


def use_range(low: int, high: int) -> None:
    set_sysctl("ip_local_port_range", f"{low} {high}")
    set_sysctl("tcp_tw_reuse", 0)


def predicts(lab: Lab, observer: Observer) -> int:
    """Assert that the published figure is the kernel's own, and return it."""
    free = observer.free("source", "127.0.0.1", "", "")
    assert lab.bind_until_full("127.0.0.1", REMOTES) == free
    return free


def test_all_destinations_together(lab: Lab, observer: Observer) -> None:
    """Applications that bind first share the ports of an address over all destinations."""
    use_range(40000, 40009)
    for remote in REMOTES:
        lab.connect(remote)
    # Unbound connections to three destinations may share ports: the kernel decides how many.
    assert 6 < predicts(lab, observer) < 10


def test_time_wait_counts(lab: Lab, observer: Observer) -> None:
    """TIME_WAIT holds a port against bind(), whatever tcp_tw_reuse says."""
    use_range(40000, 40009)
    for pair in [lab.connect(REMOTES[0]) for _ in range(6)]:
        time_wait_here(pair)
    set_sysctl("tcp_tw_reuse", 1)
    usage = observer.pool("source", "127.0.0.1", "", "").usage
    assert (usage.used, usage.time_wait) == (6, 6)
    assert predicts(lab, observer) == 4


@pytest.mark.parametrize(
    ("address", "ipv6_only", "free"),
    [
        ("0.0.0.0", False, 8),
        ("::", False, 8),
        ("::", True, 9),
        ("127.0.0.1", False, 8),
        ("127.0.0.5", False, 9),
        ("::1", False, 9),
    ],
)
def test_listeners_of_other_addresses(
    lab: Lab, observer: Observer, address: str, *, ipv6_only: bool, free: int
) -> None:
    """A listener takes its port from the addresses it listens on, and from no other."""
    use_range(40000, 40009)
    lab.listen(address, 40004, ipv6_only=ipv6_only)
    lab.connect(REMOTES[0])
    assert predicts(lab, observer) == free


def test_other_local_addresses_do_not_count(lab: Lab, observer: Observer) -> None:
    """Each local address has its own ports."""
    use_range(40000, 40009)
    lab.connect(REMOTES[0])
    lab.bind_until_full("127.0.0.2", REMOTES)
    # The connection of 127.0.0.1 takes one; those of 127.0.0.2 none.
    assert predicts(lab, observer) == 9
