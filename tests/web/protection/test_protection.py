import asyncio

import bcrypt

from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.protection.basic_auth import BasicAuth
from tcp_pressure_exporter.web.protection.protection import Protection, TokenBucket, secured
from tests.support.fakes.fake_clock import FakeClock
from tests.web.harness import Serving, exchange, get, request_bytes

REQUEST = Request("GET", "/metrics", {}, {})
DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def users() -> BasicAuth:
    return BasicAuth({"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()})


def statuses(protection: Protection, count: int) -> list[int]:
    refusals = (asyncio.run(protection.refusal(REQUEST)) for _ in range(count))
    return [200 if refusal is None else refusal.status for refusal in refusals]


def test_none() -> None:
    """Without a web configuration file, nothing is demanded of a client."""
    assert statuses(Protection(), 3) == [200] * 3


def test_rate_limit_comes_before_the_password() -> None:
    """Requests over the limit cost no password check, as in exporter-toolkit."""
    protection = Protection(rate_limit=TokenBucket(1.0, 2, FakeClock()), auth=users())
    assert statuses(protection, 3) == [401, 401, 429]


def test_headers() -> None:
    """Answers have the configured headers besides the exporter's own."""
    dressed = Protection(headers={"X-Frame-Options": "deny"}).dressed(text_response(200, "x"))
    assert dict(dressed.headers)["X-Frame-Options"] == "deny"
    assert dict(dressed.headers)["X-Content-Type-Options"] == "nosniff"


def test_burst_then_one_each_interval() -> None:
    """A full bucket admits the burst, then one request per interval, and never saves up more."""
    clock = FakeClock()
    bucket = TokenBucket(0.5, 3, clock)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]
    clock.advance(0.5)
    assert [bucket.take(), bucket.take()] == [True, False]
    clock.advance(100)
    assert [bucket.take() for _ in range(4)] == [True, True, True, False]


def test_refusals_cost_nothing() -> None:
    """Refused requests do not postpone the next admission."""
    clock = FakeClock()
    bucket = TokenBucket(1.0, 1, clock)
    assert bucket.take()
    for _ in range(3):
        clock.advance(0.25)
        assert not bucket.take()
    clock.advance(0.25)
    assert bucket.take()


def test_default_headers() -> None:
    """Without configuration, browsers are told not to sniff, frame, load or leak anything."""
    headers = dict(secured(text_response(200, "x"), {}).headers)
    assert DEFAULT_HEADERS.items() <= headers.items()


def test_the_page_goes_before_the_defaults() -> None:
    """A page that needs another policy has it, and no header comes twice."""
    page = Response(200, b"", (("content-security-policy", "img-src 'self'"),))
    headers = secured(page, {}).headers
    policies = [text for name, text in headers if name.lower() == "content-security-policy"]
    assert policies == ["img-src 'self'"]


def test_configured_ones_go_before_all() -> None:
    """A configured header replaces the page's and the default; an empty one is not sent."""
    page = Response(200, b"", (("Content-Security-Policy", "img-src 'self'"),))
    configured = {"Content-Security-Policy": "", "X-Frame-Options": "sameorigin", "X-Y": "z"}
    headers = secured(page, configured).headers
    assert ("X-Frame-Options", "sameorigin") in headers
    assert ("X-Y", "z") in headers
    assert len({name for name, _ in headers}) == len(headers)
    assert "Content-Security-Policy" not in dict(headers)


def test_every_answer_has_the_default_headers() -> None:
    """Pages, errors and refusals of bad requests all have the headers."""
    with Serving() as serving:
        replies = [get(serving.address, path) for path in ("/metrics", "/-/healthy", "/nowhere")]
        replies += exchange(serving.address, request_bytes("POST", "/", "Connection: close"))
        replies += exchange(serving.address, b"garbage\r\n\r\n")
    assert [reply.status for reply in replies] == [200, 200, 404, 405, 400]
    for reply in replies:
        assert {name.lower(): text for name, text in DEFAULT_HEADERS.items()}.items() <= (
            reply.headers.items()
        )
