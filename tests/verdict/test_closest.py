"""Which resources a page has a row for, and what it says of the others."""

import pytest

from tcp_pressure_exporter.verdict.pressures import Pressure
from tcp_pressure_exporter.verdict.resources import NO_OWNER, closest, resource_words
from tests.pages.report.observations import CLIENTS, MEMORY, QUEUE, UPSTREAM

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
    """All that are not calm have a row, at least three have, and no more than there is room for."""
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
    """What is left out is counted: how much of it is not calm, else how full the fullest is."""
    assert closest([*3 * URGENT, *left_out], 3).rest == words


def test_note() -> None:
    """That TIME_WAIT has no owner is noted where it fills most of a pool that is not calm."""
    assert closest([UPSTREAM], 3).note == NO_OWNER
    assert closest([UPSTREAM._replace(time_wait=100)], 3).note == ""
    assert closest([CLIENTS._replace(time_wait=CLIENTS.used)], 3).note == ""


def test_words_of_a_pool() -> None:
    """A pool in words: its figures, when it is full, who has its open connections."""
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
    """An accept queue has no TIME_WAIT, and its owner is who is to accept what waits."""
    words = resource_words(QUEUE)
    assert (words.kind, words.short) == ("accept queue", "accept queue 0.0.0.0:8080")
    assert (words.time_wait, words.heads_for, words.owners.listed) == ("", "", "")
    assert (words.owners.label, words.owners.short_label) == ("to be accepted by", "accepted by")
