import pytest
from structlog.typing import FilteringBoundLogger

from tcp_pressure_exporter.web.message import Request, Response
from tcp_pressure_exporter.web.pages.routes import Router, build_router, check_telemetry_path
from tests.web.harness import (
    FakeDocuments,
    FakeStatus,
    Serving,
    capturing_logger,
    exchange,
    get,
    registry_of,
    request_bytes,
)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW"])
def test_other_methods(method: str) -> None:
    """Methods other than GET and HEAD get 405 with Allow (RFC 9110 15.5.6)."""
    with Serving() as serving:
        asked = request_bytes(method, "/metrics", "Connection: close")
        [reply] = exchange(serving.address, asked)
    assert reply.status == 405
    assert reply.headers["allow"] == "GET, HEAD"


@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/", 200),
        ("/metrics", 200),
        ("/metrics/", 200),
        ("//metrics", 200),
        ("/metricsx", 404),
        ("/metrics/x", 404),
        ("/..", 404),
        ("/%00", 404),
        ("/-/", 404),
        ("/favicon.ico", 404),
    ],
)
def test_paths(target: str, status: int) -> None:
    """Only the table's paths are served; paths are compared in normal form."""
    with Serving() as serving:
        assert get(serving.address, target).status == status


def test_page_that_fails() -> None:
    """A page that raises is answered with 500 without details, and the server lives on."""

    async def broken(_request: Request) -> Response:
        raise LookupError("secret detail")

    def router(log: FilteringBoundLogger) -> Router:
        return Router({"/": broken}, log=log)

    with Serving(router=router) as serving:
        replies = [get(serving.address, "/") for _ in range(2)]
    assert [reply.status for reply in replies] == [500, 500]
    assert b"secret" not in replies[0].body


@pytest.mark.parametrize("path", ["/metrics", "/m", "/tcp/pressure", "/v1.0/me_t-r~ics", "/-/m"])
def test_telemetry_path(path: str) -> None:
    """Plain paths are accepted."""
    check_telemetry_path(path)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("", "start with '/'"),
        ("metrics", "start with '/'"),
        ("/", "taken"),
        ("/-/healthy", "taken"),
        ("/-/ready", "taken"),
        ("/api/v1/status", "taken"),
        ("/api/v1/incidents", "taken"),
        ("/static/metrics", "taken"),
        ("/docs", "taken"),
        ("/docs/metrics", "taken"),
        ("/metrics/", "may hold"),
        ("//metrics", "may hold"),
        ("/metrics?x", "may hold"),
        ("/me trics", "may hold"),
        ("/%6Detrics", "may hold"),
        ("/../metrics", "may hold"),
        ("/metrics\n", "may hold"),
        ('/"><script>', "may hold"),
    ],
)
def test_bad_telemetry_path(path: str, reason: str) -> None:
    """A path that is taken, relative or not plain is refused in one line, at build time too."""
    with pytest.raises(ValueError, match=reason) as caught:
        check_telemetry_path(path)
    assert "\n" not in str(caught.value)
    log, _ = capturing_logger()
    with pytest.raises(ValueError, match=reason):
        build_router(
            telemetry_path=path,
            registry=registry_of(list),
            unready=lambda: None,
            status=FakeStatus(),
            documents=FakeDocuments(),
            max_requests=1,
            log=log,
        )


def test_healthy_whatever_the_samples() -> None:
    """Liveness is 200 even without a sample."""
    with Serving(unready=lambda: "no sample yet") as serving:
        reply = get(serving.address, "/-/healthy")
    assert (reply.status, reply.body) == (200, b"OK\n")


def test_ready_follows_the_reason() -> None:
    """Readiness is 503 with a one-line reason while there is one, then 200."""
    reasons = ["the newest sample is 20 s old", None]
    with Serving(unready=lambda: reasons.pop(0)) as serving:
        before, after = (get(serving.address, "/-/ready") for _ in range(2))
    assert (before.status, before.body) == (503, b"the newest sample is 20 s old\n")
    assert (after.status, after.body) == (200, b"OK\n")
    assert before.headers["cache-control"] == "no-store"
