"""Sockets in CLOSE_WAIT: why, since when, and who owns them.

Exposition:

    tcp_pressure_close_wait_sockets{netns="host",cause="eof_unread"} 214.0
    tcp_pressure_close_wait_oldest_seconds{netns="host",cause="eof_unread"} 1830.2
    tcp_pressure_close_wait_owner_sockets{netns="host",service="api.service",process="java"} 213.0
    tcp_pressure_close_wait_remote_sockets{netns="host",remote_address="10.0.0.9"} 1.0
    tcp_pressure_close_wait_unlisted_sockets{netns="host"} 1.0
"""

from collections.abc import Callable, Iterator

from tcp_pressure_exporter.collectors.family import Family, Row, RowReader, rows_of, value_of
from tcp_pressure_exporter.sample.close_wait import CauseCount, CloseWait
from tcp_pressure_exporter.sample.sample import CLOSE_WAIT, NamespaceSample


def _per_cause(read: Callable[[CauseCount], float]) -> RowReader[NamespaceSample]:
    def rows(table: CloseWait) -> Iterator[Row]:
        for cause, count in table.causes.items():
            yield (cause,), read(count)

    return rows_of(CLOSE_WAIT, rows)


def _owners(table: CloseWait) -> Iterator[Row]:
    for owner, sockets in table.owners:
        yield (owner.service, owner.process), sockets


def _remotes(table: CloseWait) -> Iterator[Row]:
    for remote, sockets in table.remotes:
        yield (remote,), sockets


FAMILIES: tuple[Family[NamespaceSample], ...] = (
    Family(
        "tcp_pressure_close_wait_sockets",
        "Sockets in CLOSE_WAIT (the peer has closed, this end has not) by cause. eof_unread:"
        " the application has not read to the end. not_closed: it has, but neither sends nor"
        " closes. peer_gone: the peer does not answer what was sent, not even a probe."
        " window_closed: the peer answers but accepts no data. A peer that loses one packet"
        " counts as gone until it answers. Not known through psutil, like everything about"
        " CLOSE_WAIT except the number of sockets.",
        ("netns", "cause"),
        _per_cause(lambda count: count.sockets),
    ),
    Family(
        "tcp_pressure_close_wait_oldest_seconds",
        "How long the oldest of these sockets has been in CLOSE_WAIT; 0 if there is none. A"
        " lower bound: the time since a sample first saw it there, or since its peer was last"
        " heard.",
        ("netns", "cause"),
        _per_cause(lambda count: count.oldest_seconds),
    ),
    Family(
        "tcp_pressure_close_wait_owner_sockets",
        "Sockets in CLOSE_WAIT by the systemd unit or container that created them, and by"
        " process; the owners with the most. process is empty where the exporter is not"
        " permitted to look, and while a socket is new. If there are more than 4096 sockets,"
        " only the first 4096 are attributed.",
        ("netns", "service", "process"),
        rows_of(CLOSE_WAIT, _owners),
    ),
    Family(
        "tcp_pressure_close_wait_remote_sockets",
        "Sockets in CLOSE_WAIT whose service and process are unknown, by remote address or"
        " group; the two remotes with the most.",
        ("netns", "remote_address"),
        rows_of(CLOSE_WAIT, _remotes),
    ),
    Family(
        "tcp_pressure_close_wait_unlisted_sockets",
        "Sockets in CLOSE_WAIT that tcp_pressure_close_wait_owner_sockets does not show,"
        " because their owner is unknown or has too few.",
        ("netns",),
        value_of(CLOSE_WAIT, lambda table: table.unlisted),
    ),
)
