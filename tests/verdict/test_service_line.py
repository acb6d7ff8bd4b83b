"""What `systemctl status` shows of the newest sample."""

import math
from collections.abc import Mapping

import pytest

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.tally import PoolKey
from tcp_pressure_exporter.pools.forecast import Outlook
from tcp_pressure_exporter.pools.local_ports import LocalPorts
from tcp_pressure_exporter.pools.table import ListedPool, PoolTable
from tcp_pressure_exporter.pools.usage import Usage
from tcp_pressure_exporter.sample.sample import LOCAL_PORTS, NamespaceSample, Sample
from tcp_pressure_exporter.verdict.headline import status_line
from tests.support.fakes.samples import namespace_sample

KEY = PoolKey(bytes(16), bytes(16), bytes(2))


def namespace(netns: str, used: Mapping[str, int], left: float = math.inf) -> NamespaceSample:
    """Return a namespace with one pool of a thousand ports in each named direction."""
    outlook = Outlook(left, 0.5, 1.0, 0)
    tables = {
        direction: PoolTable(
            *(1, ports / 1000, ports / 1000),
            (ListedPool(KEY, "10.0.0.2", "10.0.0.9", "443", Usage(ports, 1000, 0, 0), 0, outlook),),
            *(0, 0),
        )
        for direction, ports in used.items()
    }
    return namespace_sample(netns, pools=Outcome(0.1, tables))


def line(*namespaces: NamespaceSample) -> str:
    return status_line(Sample(0.0, 0.0, 0.0, 5.0, 5.0, namespaces))


def test_the_fullest_pool_is_named() -> None:
    """The pool with the highest ratio of all directions, rounded down, with what is left."""
    sample = namespace("host", {"inbound": 300, "outbound": 729}, left=16.2)
    expected = "outbound 10.0.0.2 → 10.0.0.9:443 is 72 % full, and will be full in 16 s"
    assert line(sample) == f"Fullest port pool: {expected}"


def test_no_end_in_sight() -> None:
    """A pool not about to fill is shown by its ratio alone, and so is a full one."""
    assert (
        line(namespace("host", {"source": 20})) == "Fullest port pool: source 10.0.0.2 is 2 % full"
    )
    assert line(namespace("host", {"source": 1000}, 0.0)).endswith("is 100 % full")


def test_another_namespace() -> None:
    """A pool of another namespace names its namespace."""
    other = namespace("web", {"outbound": 500})
    found = line(namespace("host", {"outbound": 100}), other)
    assert found == "Fullest port pool: outbound 10.0.0.2 → 10.0.0.9:443 in web is 50 % full"


HELD = "local ports are held by bound sockets and listeners"


def blocked(netns: str, ports: int, choosable: int, pool: int = 0) -> NamespaceSample:
    """Return a namespace with so many blocked local ports, and a pool with so many."""
    found = LocalPorts(40000, 40999, 0, choosable, ports, 0, choosable, ports)
    pools = namespace(netns, {"outbound": pool} if pool else {}).parts
    return NamespaceSample(netns, {**pools, LOCAL_PORTS: Outcome(0.1, found)})


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        (
            blocked("host", 1000, 1000),
            f"All 1,000 {HELD}: every connect() fails",
        ),
        (
            blocked("host", 0, 0),
            "No local port is usable: every connect() fails",
        ),
        (
            blocked("host", 995, 1000, pool=1000),
            f"995 of 1,000 {HELD}",
        ),
        (
            blocked("host", 700, 1000, pool=900),
            "Fullest port pool: outbound 10.0.0.2 → 10.0.0.9:443 is 90 % full",
        ),
        (blocked("host", 699, 1000), "No port pool is near its limit"),
    ],
)
def test_blocked_ports(sample: NamespaceSample, words: str) -> None:
    """Ports closed to every connection come first if no pool is worse."""
    assert line(sample) == words


def test_blocked_ports_of_another_namespace() -> None:
    """They name their namespace."""
    found = line(namespace("host", {"outbound": 100}), blocked("web", 10, 10))
    assert found.endswith("every connect() fails in web")


def test_nothing_near_its_limit() -> None:
    """Without a listed pool, or with the collector off, there is nothing to say."""
    calm = PoolTable(0, 0.0, 0.0, (), 0, 0)
    for pools in (Outcome(0.1, {"outbound": calm}), None):
        assert line(namespace_sample("host", pools=pools)) == "No port pool is near its limit"


def test_unreadable() -> None:
    """If the sockets cannot be read, the line gives the reason."""
    broken = namespace_sample("host", pools=Outcome(0.1, error=SourceError("sock_diag", "denied")))
    assert line(broken) == "Cannot read the port pools: sock_diag: denied"
