"""Liveness and readiness, under the paths Prometheus itself uses."""

from collections.abc import Awaitable, Callable

from tcp_pressure_exporter.web.message import Request, Response, text_response

_NO_STORE = ("Cache-Control", "no-store")


async def healthy(_request: Request) -> Response:
    """200 whenever the server can answer at all."""
    return text_response(200, "OK", _NO_STORE)


def readiness(unready: Callable[[], str | None]) -> Callable[[Request], Awaitable[Response]]:
    """Make a handler: 200, or 503 with the one-line reason that `unready` returns."""

    async def ready(_request: Request) -> Response:
        reason = unready()
        if reason is None:
            return text_response(200, "OK", _NO_STORE)
        return text_response(503, reason, _NO_STORE)

    return ready
