import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.web.message import parse_request, text_response


@pytest.mark.parametrize(
    ("target", "path", "query"),
    [
        (b"/metrics", "/metrics", {}),
        (b"//metrics/", "/metrics", {}),
        (b"/%6Detrics", "/metrics", {}),
        (b"/-/ready?x=1&x=2", "/-/ready", {"x": ["1", "2"]}),
        (b"/metrics?name%5B%5D=a&name[]=b+c", "/metrics", {"name[]": ["a", "b c"]}),
        (b"/?", "/", {}),
        (b"http://localhost:10190/metrics?a=b", "/metrics", {"a": ["b"]}),
        (b"HTTP://localhost", "/", {}),
        (b"http://localhost?a=b", "/", {"a": ["b"]}),
        (b"/go?to=http://localhost/", "/go", {"to": ["http://localhost/"]}),
        (b"*", "/*", {}),
    ],
)
def test_target_forms(target: bytes, path: str, query: dict[str, list[str]]) -> None:
    """Targets in origin and absolute form give a normal path and a query (RFC 9112 3.2)."""
    request = parse_request(b"GET", target, [])
    assert (request.path, request.query) == (path, query)


def test_headers() -> None:
    """Repeated headers are joined by commas, bytes beyond ASCII survive, others are empty."""
    request = parse_request(b"GET", b"/", [(b"accept", b"a"), (b"x", b"\xe9"), (b"accept", b"b")])
    assert request.header("accept") == "a, b"
    assert request.header("x") == "\xe9"
    assert request.header("host") == ""


def test_too_many_query_fields() -> None:
    """A query with a thousand fields is refused."""
    with pytest.raises(ValueError, match="fields"):
        parse_request(b"GET", b"/metrics?" + b"&".join([b"name[]=a"] * 1000), [])


@settings(deadline=None)
@given(st.binary().map(lambda raw: bytes(33 + byte % 94 for byte in raw)))
def test_any_visible_target(target: bytes) -> None:
    """Any target of visible characters has an absolute path without empty segments."""
    try:
        path = parse_request(b"GET", target, []).path
    except ValueError:
        return
    assert path.startswith("/")
    assert "//" not in path


def test_text_response() -> None:
    """A text answer is one line in UTF-8 and carries further headers."""
    response = text_response(503, "später", ("Retry-After", "1"))
    assert response.body == "später\n".encode()
    assert ("Content-Type", "text/plain; charset=utf-8") in response.headers
    assert ("Retry-After", "1") in response.headers
