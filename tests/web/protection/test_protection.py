import asyncio

import bcrypt

from tcp_pressure_exporter.web.message import Request, text_response
from tcp_pressure_exporter.web.protection.basic_auth import BasicAuth
from tcp_pressure_exporter.web.protection.protection import Protection, TokenBucket
from tests.support.fakes.fake_clock import FakeClock

REQUEST = Request("GET", "/metrics", {}, {})


def users() -> BasicAuth:
    return BasicAuth({"alice": bcrypt.hashpw(b"secret", bcrypt.gensalt(4)).decode()})


def statuses(protection: Protection, count: int) -> list[int]:
    refusals = (asyncio.run(protection.refusal(REQUEST)) for _ in range(count))
    return [200 if refusal is None else refusal.status for refusal in refusals]


def test_none() -> None:
    """Without a web configuration file nothing is asked of a client."""
    assert statuses(Protection(), 3) == [200] * 3


def test_rate_limit_comes_before_the_password() -> None:
    """Requests over the limit cost no check of a password, as in exporter-toolkit."""
    protection = Protection(rate_limit=TokenBucket(1.0, 2, FakeClock()), auth=users())
    assert statuses(protection, 3) == [401, 401, 429]


def test_headers() -> None:
    """Answers have the configured headers beside the exporter's own."""
    dressed = Protection(headers={"X-Frame-Options": "deny"}).dressed(text_response(200, "x"))
    assert dict(dressed.headers)["X-Frame-Options"] == "deny"
    assert dict(dressed.headers)["X-Content-Type-Options"] == "nosniff"
