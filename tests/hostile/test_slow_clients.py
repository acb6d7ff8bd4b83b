"""Clients that say nothing, say it slowly, or do not listen."""

import ssl

from tests.hostile.crowd import Crowd
from tests.hostile.target import Target, eventually, unharmed

CLIENTS = 500
SCRAPES = 15
REQUEST = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


def client_hello() -> bytes:
    """Return the first flight of a TLS client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        return outgoing.read()
    raise AssertionError


def test_silent_and_dripping(target: Target) -> None:
    """500 clients, silent or dripping: 15 of 15 scrapes answered, all closed within 10 s."""
    with (
        unharmed(target, "500 silent or dripping connections"),
        Crowd(target.address, CLIENTS) as crowd,
    ):
        crowd.send(REQUEST[:4], share=2)
        assert target.scrapes(SCRAPES) == [200] * SCRAPES
        assert crowd.seconds_until_all_closed(drip=b"a" * 1000, share=2) < 10


def test_silent_to_tls(guarded: Target) -> None:
    """500 clients that do not begin a handshake: 15 of 15 scrapes, all closed within 10 s."""
    with (
        unharmed(guarded, "500 silent connections to the TLS port"),
        Crowd(guarded.address, CLIENTS) as crowd,
    ):
        assert guarded.scrapes(SCRAPES) == [200] * SCRAPES
        assert crowd.seconds_until_all_closed() < 10


def test_unfinished_handshakes(guarded: Target) -> None:
    """500 clients that stop in the middle of a handshake: as those that do not begin one."""
    hello = client_hello()
    with (
        unharmed(guarded, "500 TLS handshakes that stop half-way"),
        Crowd(guarded.address, CLIENTS) as crowd,
    ):
        crowd.send(hello)
        assert guarded.scrapes(SCRAPES) == [200] * SCRAPES
        assert crowd.seconds_until_all_closed() < 10


def test_never_reading(target: Target) -> None:
    """500 clients that ask and never read: scrapes go on, and all of them are closed.

    While more of them ask than may be served at a time, a scrape may be refused.
    """
    with unharmed(target, "500 clients that send 100 requests and never read"):
        before = target.footprint().descriptors
        with Crowd(target.address, CLIENTS) as crowd:
            crowd.send(REQUEST * 100)
            eventually(lambda: target.scrape() == 200, lambda: "every scrape is refused")
            assert target.scrapes(SCRAPES) == [200] * SCRAPES
            eventually(lambda: target.footprint().descriptors <= before, lambda: "still open")
