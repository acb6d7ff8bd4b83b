import pytest

from tcp_pressure_exporter.facts.sockets import OpenFiles, Owner
from tcp_pressure_exporter.sample.leaks import Leak
from tcp_pressure_exporter.verdict.stuck import leak_words

WORKER = Owner("", "leaky-worker")


HOURS = (
    "leaky-worker: 600 connections, +20 a minute, out of descriptors in 3 h (1,000 of 4,600 open)"
)


@pytest.mark.parametrize(
    ("leak", "words"),
    [
        (
            Leak(WORKER, 600, 1 / 3, OpenFiles(1_000, 4_600)),
            HOURS,
        ),
        (
            Leak(WORKER, 1_200, 5.0, OpenFiles(1_024, 1_024)),
            "leaky-worker: 1,200 connections, +5 a second, out of descriptors now (1,024 of 1,024)",
        ),
        (Leak(WORKER, 12, 5 / 3600), "leaky-worker: 12 connections, +5 an hour"),
        (Leak(Owner("", ""), 12, 5 / 86_400), "an unknown process: 12 connections, +5 a day"),
        (Leak(Owner("a.service", "w"), 12, 1.0), "a.service (w): 12 connections, +1 a second"),
    ],
)
def test_words(leak: Leak, words: str) -> None:
    """Who, how many, how fast, and until when, as far as it is known."""
    assert leak_words(leak) == words
