"""Which resources have a row on a page, and what it says about the others."""

import pytest

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.directions import NAT
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.verdict.assessment import NamedBy
from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import (
    NO_OWNER,
    NO_OWNER_NOW,
    closest,
    resource_words,
)
from tests.pages.report.observations import CLIENTS, MEMORY, QUEUE, UPSTREAM

NGINX, CURL = Owner("nginx.service", "nginx"), Owner("", "curl")
HELPS = ("CAP_SYS_PTRACE", "CAP_BPF", "look again in a minute", "as root inside it")
URGENT, CALM_POOL = [QUEUE], [CLIENTS]


@pytest.mark.parametrize(
    ("urgent", "calm", "most", "rows"),
    [
        (0, 2, 6, 2),
        (0, 9, 6, 3),
        (1, 9, 6, 3),
        (5, 9, 6, 5),
        (6, 9, 6, 6),
        (9, 9, 6, 6),
        (9, 9, 10, 9),
        (0, 9, 2, 2),
    ],
)
def test_rows(urgent: int, calm: int, most: int, rows: int) -> None:
    """All that are not calm have a row; at least three do, and no more than there is room for."""
    found = closest(urgent * URGENT + calm * CALM_POOL, most)
    assert len(found.rows) == rows
    assert found.more_urgent == max(urgent - rows, 0)


@pytest.mark.parametrize(
    ("left_out", "words"),
    [
        ([], ""),
        ([CLIENTS], "1 more resource, the fullest at 11 %"),
        ([MEMORY, CLIENTS], "2 more resources, the fullest at 11 %"),
        ([QUEUE, MEMORY, CLIENTS], "3 more resources, 1 of them not calm"),
    ],
)
def test_rest(left_out: list[Pressure], words: str) -> None:
    """What is left out is counted: how many are not calm, else how full the fullest is."""
    assert closest([*3 * URGENT, *left_out], 3).rest == words


def test_note() -> None:
    """The page notes that TIME_WAIT has no owner if it fills most of a pool that is not calm."""
    assert closest([UPSTREAM], 3).note == NO_OWNER
    assert closest([UPSTREAM._replace(time_wait=100)], 3).note == ""
    assert closest([CLIENTS._replace(time_wait=CLIENTS.used)], 3).note == ""
    gone = UPSTREAM._replace(owners=(SeenOwner(NGINX, 0, 40.0),))
    assert closest([gone], 3).note == NO_OWNER_NOW
    counted = UPSTREAM._replace(owners=(SeenOwner(NGINX, 0, 40.0, 7_950, 0.97),))
    assert closest([counted], 3).note == ""


@pytest.mark.parametrize(
    ("by", "helps"),
    [
        (NamedBy(process_names=False, closes=False), {"CAP_SYS_PTRACE", "CAP_BPF"}),
        (NamedBy(closes=False), {"CAP_BPF"}),
        (NamedBy(process_names=False), {"CAP_SYS_PTRACE"}),
        (NamedBy(), {"look again in a minute"}),
        (NamedBy(sockets=False), {"as root inside it"}),
    ],
)
def test_nobody_is_named(by: NamedBy, helps: set[str]) -> None:
    """If no owner is named, it says why and what would help, whatever fills the pool."""
    for pool in (UPSTREAM, UPSTREAM._replace(time_wait=0)):
        note = closest([pool._replace(owners=())], 3, by).note
        assert note.startswith("No owner is known:")
        assert "those named" not in note
        assert {help_ for help_ in HELPS if help_ in note} == helps


def test_words_of_owners() -> None:
    """Who left TIME_WAIT is named with its share; else who is there, was there, or was refused."""
    closers = (SeenOwner(NGINX, 12, 0.0, 7_950, 0.97), SeenOwner(CURL, 0, 0.0, 245, 0.03))
    words = resource_words(UPSTREAM._replace(owners=closers)).owners
    assert (words.label, words.short_label) == ("TIME_WAIT left by", "left by")
    assert words.listed == "nginx.service (nginx) 97 %, curl 3 %"
    seen = (SeenOwner(NGINX, 0, 40.0), SeenOwner(CURL, 0, refused=1_177))
    words = resource_words(UPSTREAM._replace(owners=seen)).owners
    assert words.label == "owners of its open connections"
    assert words.listed == ("nginx.service (nginx) last seen 40 s ago, curl 1,177 refused")
    counted = (SeenOwner(NGINX, 0, closed=120, closed_share=1.0),)
    live = UPSTREAM._replace(time_wait=0, owners=counted)
    assert resource_words(live).owners.listed == "nginx.service (nginx) 120 closed"
    told = (SeenOwner(NGINX, 0, 40.0, told_by="http://127.0.0.1:10190"),)
    words = resource_words(UPSTREAM._replace(owners=told)).owners
    assert words.listed == "nginx.service (nginx) last seen 40 s ago (by the exporter)"


def test_clients_of_a_gateway() -> None:
    """A NAT pool's clients are named, by address or pod, with the ports they hold."""
    pool = UPSTREAM._replace(kind=NAT, clients=(("10.0.0.17", 4_012), ("shop/web-1", 9)))
    words = resource_words(pool).owners
    assert (words.label, words.listed) == (
        "clients, by their ports",
        "10.0.0.17 4,012, shop/web-1 9",
    )


def test_words_of_a_pool() -> None:
    """A pool in words: its figures, when it will be full, who has its open connections."""
    words = resource_words(UPSTREAM)
    assert (words.kind, words.name) == ("outbound pool", "10.0.0.2 → 10.0.0.9:443")
    assert words.short == "outbound 10.0.0.2 → 10.0.0.9:443"
    assert (words.urgent, words.severity) == (True, "critical")
    assert (words.percent, words.used, words.time_wait) == ("95 %", "26,822 / 28,232", "25,500")
    assert (words.left, words.heads_for) == ("41 s", "126 %")
    assert (words.owners.label, words.owners.short_label) == (
        "owners of its open connections",
        "owners",
    )
    assert words.owners.each == ("nginx.service (nginx) 1,204", "curl 3")
    assert words.owners.listed == "nginx.service (nginx) 1,204, curl 3"


def test_words_of_a_queue() -> None:
    """An accept queue has no TIME_WAIT, and its owner is the process that should accept."""
    words = resource_words(QUEUE)
    assert (words.kind, words.short) == ("accept queue", "accept queue 0.0.0.0:8080")
    assert (words.time_wait, words.heads_for, words.owners.listed) == ("", "", "")
    assert (words.owners.label, words.owners.short_label) == ("to be accepted by", "accepted by")
