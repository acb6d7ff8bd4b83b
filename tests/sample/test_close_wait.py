"""The table of the sockets in CLOSE_WAIT of one dump."""

from collections.abc import Mapping, Sequence
from ipaddress import ip_network
from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from tcp_pressure_exporter.facts.close_wait import CAUSES, CloseWaitCounts, CloseWaitSocket
from tcp_pressure_exporter.facts.sockets import UNKNOWN_SOCKET, Owner
from tcp_pressure_exporter.facts.tally import NETLINK
from tcp_pressure_exporter.pools.groups import RemoteGroup, RemoteGroups
from tcp_pressure_exporter.sample.close_wait import (
    MAX_REMOTES,
    CloseWait,
    CloseWaitMemory,
    Known,
    close_wait,
)
from tests.support.messages.socket_entries import sixteen_bytes

NOW = 1000.0
NO_GROUPS = RemoteGroups()
LB = RemoteGroups([RemoteGroup("lb", (ip_network("10.0.1.0/24"), ip_network("fd00::/64")))])
WEB, CACHE, NOBODY = Owner("web.service", "nginx"), Owner("cache.service", "redis"), Owner()


class Found(NamedTuple):
    """A socket as a test describes it: why it waits, since when, its remote, and its owner."""

    cause: str = "not_closed"
    since: float = NOW
    remote: str = "10.0.0.9"
    owner: Owner = NOBODY


def table(  # noqa: PLR0913 - each has its default
    found: Sequence[Found],
    *,
    counts: CloseWaitCounts | None = None,
    groups: RemoteGroups = NO_GROUPS,
    top: int = 10,
    owners: frozenset[Owner] = frozenset(),
    remotes: frozenset[str] = frozenset(),
) -> CloseWait:
    """Return the table of some sockets; without `counts`, of only these sockets."""
    causes = [one.cause for one in found]
    sockets = [
        CloseWaitSocket(cookie(n), ends(n), one.cause, sixteen_bytes(one.remote), UNKNOWN_SOCKET)
        for n, one in enumerate(found)
    ]
    known = {ends(n): Known(one.since, cookie(n), NETLINK, 0) for n, one in enumerate(found)}
    memory = CloseWaitMemory(NETLINK, known, owners, remotes)
    counted = counts or CloseWaitCounts(*(causes.count(cause) for cause in CAUSES))
    whose = [one.owner for one in found]
    return close_wait(counted, sockets, whose, groups, memory, top, NOW)


def cookie(number: int) -> bytes:
    return number.to_bytes(8, "big")


def ends(number: int) -> bytes:
    return number.to_bytes(40, "big")


def oldest(found: CloseWait) -> Mapping[str, float]:
    return {cause: count.oldest_seconds for cause, count in found.causes.items()}


def test_nothing() -> None:
    """Without a socket each cause is there, with none and an age of 0; nothing else is."""
    found = table([])
    assert found.causes == dict.fromkeys(CAUSES, (0, 0.0, 0))
    assert (found.owners, found.remotes, found.unlisted) == ((), (), 0)


def test_causes() -> None:
    """Each cause has its number, and the age of the oldest of its sockets."""
    found = table(
        [
            Found("eof_unread", NOW - 5),
            Found("eof_unread", NOW - 1830.5),
            Found("eof_unread", NOW),
            Found("window_closed", NOW - 2),
        ]
    )
    assert found.causes == {
        "eof_unread": (3, 1830.5, 0),
        "not_closed": (0, 0.0, 0),
        "peer_gone": (0, 0.0, 0),
        "window_closed": (1, 2.0, 0),
    }


def test_more_than_are_kept() -> None:
    """Numbers cover all sockets, even if not all of them are known one by one."""
    found = table([Found("eof_unread", NOW - 9, owner=WEB)], counts=CloseWaitCounts(9000, 30, 2, 1))
    assert [found.causes[cause].sockets for cause in CAUSES] == [9000, 30, 2, 1]
    assert oldest(found) == dict.fromkeys(CAUSES, 0.0) | {"eof_unread": 9.0}
    assert found.owners == ((WEB, 1),)
    assert found.unlisted == 9000 + 30 + 2 + 1 - 1


def test_owners_and_remotes() -> None:
    """Owners are listed if known, or else remotes; sockets without a listed owner are unlisted."""
    found = table(
        [
            *[Found(owner=WEB)] * 3,
            *[Found(owner=CACHE, remote="10.0.0.7")] * 5,
            *[Found(remote="10.0.0.8")] * 2,
            Found(remote="2001:db8::9"),
            Found(remote="::ffff:10.0.0.8"),
        ]
    )
    assert found.owners == ((CACHE, 5), (WEB, 3))
    assert found.remotes == (("10.0.0.8", 3), ("2001:db8::9", 1))
    assert found.unlisted == 4


def test_only_the_first() -> None:
    """No more owners and remotes than asked for are listed; sockets of the others are unlisted."""
    sockets = [Found(owner=WEB), *[Found(owner=CACHE)] * 2, Found(), *[Found(remote="::1")] * 4]
    found = table(sockets, top=1)
    assert (found.owners, found.remotes, found.unlisted) == (((CACHE, 2),), (("::1", 4),), 6)
    none = table(sockets, top=0)
    assert (none.owners, none.remotes, none.unlisted) == ((), (), 8)


def test_groups() -> None:
    """The addresses of a group are one remote."""
    found = table(
        [Found(remote=remote) for remote in ("10.0.1.1", "10.0.1.2", "fd00::1", "10.0.2.1")],
        groups=LB,
    )
    assert found.remotes == (("lb", 3), ("10.0.2.1", 1))


def test_listed_ones_stay() -> None:
    """Owners and remotes that were listed stay until others have over a tenth more sockets."""
    sockets = [
        *[Found(owner=WEB, remote="10.0.0.7")] * 10,
        *[Found(owner=CACHE)] * 11,
        *[Found(remote="10.0.0.7")] * 10,
        *[Found(remote="10.0.0.8")] * 11,
    ]
    before = table(sockets, top=1, owners=frozenset([WEB]), remotes=frozenset(["10.0.0.7"]))
    assert (before.owners, before.remotes) == (((WEB, 10),), (("10.0.0.7", 10),))
    anew = table(sockets, top=1)
    assert (anew.owners, anew.remotes) == (((CACHE, 11),), (("10.0.0.8", 11),))


REMOTES = ("10.0.0.7", "10.0.1.1", "10.0.1.2", "::1", "fd00::1")
FOUND = st.builds(
    Found,
    st.sampled_from(CAUSES),
    st.integers(0, 1000).map(float),
    st.sampled_from(REMOTES),
    st.sampled_from([WEB, CACHE, Owner("web.service", ""), NOBODY]),
)


@given(st.lists(FOUND), st.integers(0, 6), st.sampled_from([NO_GROUPS, LB]))
def test_nothing_is_lost(sockets: list[Found], top: int, groups: RemoteGroups) -> None:
    """All sockets are in a cause, and in a listed owner or unlisted; ages are the oldest's."""
    found = table(sockets, groups=groups, top=top)
    assert sum(count.sockets for count in found.causes.values()) == len(sockets)
    assert sum(owner.sockets for owner in found.owners) + found.unlisted == len(sockets)
    assert len(found.owners) <= top
    assert len(found.remotes) <= top
    unowned = [one.remote for one in sockets if one.owner == NOBODY]
    listed = sum(remote.sockets for remote in found.remotes)
    everyone = len(set(unowned)) <= min(top, MAX_REMOTES)
    assert listed == len(unowned) if everyone else listed <= len(unowned)
    for cause in CAUSES:
        ages = [NOW - one.since for one in sockets if one.cause == cause]
        assert found.causes[cause] == (len(ages), max(ages, default=0.0), 0)
