"""When descriptors run out, and when passwords are guessed."""

import base64
import resource
import threading
from contextlib import closing, suppress

from tests.hostile.crowd import Crowd
from tests.hostile.target import Target, eventually, unharmed


def test_descriptors_run_out(target: Target) -> None:
    """With 80 descriptors and 500 clients, 15 of 15 scrapes are answered and sampling goes on."""
    pid = target.exporter.process.pid
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    with unharmed(target, "500 connections with 80 descriptors"):
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (80, hard))
        try:
            with Crowd(target.address, 500) as crowd:
                assert target.scrapes(15) == [200] * 15
                assert crowd.seconds_until_all_closed() < 10
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))


def test_guessing(guarded: Target) -> None:
    """While 50 clients guess passwords without a pause, 15 of 15 scrapes are answered."""
    stop = threading.Event()
    statuses: list[int] = []
    with unharmed(guarded, "50 clients that guess passwords"):
        guessers = [
            threading.Thread(target=guess, args=(guarded, number, stop, statuses))
            for number in range(50)
        ]
        for guesser in guessers:
            guesser.start()
        eventually(lambda: len(statuses) >= 50, lambda: "no guess is answered")
        assert guarded.scrapes(15) == [200] * 15
        stop.set()
        for guesser in guessers:
            guesser.join()
    assert set(statuses) <= {401, 503}


def guess(guarded: Target, number: int, stop: threading.Event, statuses: list[int]) -> None:
    """Try one password after another, in turn for a user who exists and one who does not."""
    for attempt in range(100_000):
        user = "prometheus" if attempt % 2 else f"user{number}"
        credentials = base64.b64encode(f"{user}:{number} {attempt}".encode()).decode()
        with (
            suppress(TimeoutError),  # on a slow machine the queue outlasts our wait
            closing(guarded.exporter.access.connection(guarded.exporter.port)) as connection,
        ):
            headers = {"Authorization": f"Basic {credentials}"}
            connection.request("GET", "/metrics", headers=headers)
            statuses.append(connection.getresponse().status)
        if stop.is_set():
            return
