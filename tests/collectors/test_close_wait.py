import pytest

from tcp_pressure_exporter.collectors.close_wait import FAMILIES
from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.sample.close_wait import CauseCount, CloseWait, RemoteCount
from tests.collectors.exposition import golden, of_namespaces
from tests.support.fakes.samples import namespace_sample

TABLE = CloseWait(
    causes={
        "eof_unread": CauseCount(214, 1830.25),
        "not_closed": CauseCount(3, 0.5),
        "peer_gone": CauseCount(0, 0.0),
        "window_closed": CauseCount(0, 0.0),
    },
    owners=(
        OwnerCount(Owner("api.service", "java"), 213),
        OwnerCount(Owner("container:0123456789ab", ""), 2),
        OwnerCount(Owner("", "curl"), 1),
    ),
    remotes=(RemoteCount("10.0.0.9", 1),),
    unlisted=1,
)


def page(table: CloseWait) -> str:
    return of_namespaces(FAMILIES, namespace_sample("host", close_wait=Outcome(0.1, table)))


def test_golden() -> None:
    """Causes are shown, zero included, then owners as far as known, and the remainder."""
    assert page(TABLE) == golden("""
        # TYPE tcp_pressure_close_wait_sockets gauge
        tcp_pressure_close_wait_sockets{cause="eof_unread",netns="host"} 214.0
        tcp_pressure_close_wait_sockets{cause="not_closed",netns="host"} 3.0
        tcp_pressure_close_wait_sockets{cause="peer_gone",netns="host"} 0.0
        tcp_pressure_close_wait_sockets{cause="window_closed",netns="host"} 0.0
        # TYPE tcp_pressure_close_wait_oldest_seconds gauge
        tcp_pressure_close_wait_oldest_seconds{cause="eof_unread",netns="host"} 1830.25
        tcp_pressure_close_wait_oldest_seconds{cause="not_closed",netns="host"} 0.5
        tcp_pressure_close_wait_oldest_seconds{cause="peer_gone",netns="host"} 0.0
        tcp_pressure_close_wait_oldest_seconds{cause="window_closed",netns="host"} 0.0
        # TYPE tcp_pressure_close_wait_owner_sockets gauge
        tcp_pressure_close_wait_owner_sockets{netns="host",process="java",\\
            service="api.service"} 213.0
        tcp_pressure_close_wait_owner_sockets{netns="host",process="",\\
            service="container:0123456789ab"} 2.0
        tcp_pressure_close_wait_owner_sockets{netns="host",process="curl",service=""} 1.0
        # TYPE tcp_pressure_close_wait_remote_sockets gauge
        tcp_pressure_close_wait_remote_sockets{netns="host",remote_address="10.0.0.9"} 1.0
        # TYPE tcp_pressure_close_wait_unlisted_sockets gauge
        tcp_pressure_close_wait_unlisted_sockets{netns="host"} 1.0
    """)


def test_nothing_to_attribute() -> None:
    """Without owners and remotes their families are empty; the others are there, with zeros."""
    zeros = page(CloseWait(dict.fromkeys(TABLE.causes, CauseCount(0, 0.0)), (), (), 0))
    values = [line.rpartition(" ")[2] for line in zeros.splitlines() if line[0] != "#"]
    assert values == ["0.0"] * 9
    assert "owner_sockets{" not in zeros
    assert "remote_sockets{" not in zeros


def test_hostile_names() -> None:
    """The name of a unit or a process can neither end a label nor begin a line."""
    hostile = OwnerCount(Owner('a"b\\c.service', "x\ny 1"), 7)
    table = CloseWait(TABLE.causes, (hostile,), (), 0)
    [line] = [line for line in page(table).splitlines() if "owner_sockets{" in line]
    assert line == (
        'tcp_pressure_close_wait_owner_sockets{netns="host",process="x\\ny 1",'
        'service="a\\"b\\\\c.service"} 7.0'
    )


@pytest.mark.parametrize("outcome", [None, Outcome(0.1, error=SourceError("sock_diag dump", "no"))])
def test_absent(outcome: Outcome[CloseWait] | None) -> None:
    """If the source failed, or the collector is off, nothing is shown, not even zero."""
    assert "{" not in of_namespaces(FAMILIES, namespace_sample("host", close_wait=outcome))
