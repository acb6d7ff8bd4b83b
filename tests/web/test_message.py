import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tcp_pressure_exporter.web.message import (
    InvalidHostError,
    normal_host,
    parse_request,
    text_response,
)


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
    """Repeated headers are joined by commas, bytes beyond ASCII survive, absent ones are empty."""
    request = parse_request(b"GET", b"/", [(b"accept", b"a"), (b"x", b"\xe9"), (b"accept", b"b")])
    assert request.header("accept") == "a, b"
    assert request.header("x") == "\xe9"
    assert request.header("host") == ""


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("a.example", "a.example"),
        ("a.example:10190", "a.example"),
        ("a.example:", "a.example"),  # RFC 3986 section 3.2.3: the port may be empty
        ("A.Example.:80", "a.example"),
        ("10.0.0.1:80", "10.0.0.1"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]:80", "::1"),
        ("[2001:DB8::A]", "2001:db8::a"),
        ("[fe80::1%25eth0]:80", "fe80::1"),
        ("a_b~!$&'()*+;=%20", "a_b~!$&'()*+;=%20"),  # everything RFC 3986 allows in a name
        ("", ""),
    ],
)
def test_host(authority: str, host: str) -> None:
    """Hosts are compared ignoring port, case, the root's dot and how an address is spelt."""
    assert normal_host(authority) == host


@pytest.mark.parametrize(
    "authority",
    [
        "a b",
        "a/b",
        "a@b",
        "a:b",
        "a:80:80",
        "::1",
        "[::1",
        "[::1]x",
        "[::g]",
        "[1.2.3.4]",
        "\xe9",
        "%",
    ],
)
def test_no_host(authority: str) -> None:
    """Anything not in RFC 3986's form of host and port is not a host."""
    with pytest.raises(InvalidHostError):
        normal_host(authority)


@settings(deadline=None)
@given(st.text(st.sampled_from("aZ0.:[]%-_@ \xe9")))
def test_any_host(authority: str) -> None:
    """Normalising a host twice changes nothing more, or there is an error."""
    try:
        host = normal_host(authority)
    except InvalidHostError:
        return
    assert normal_host(f"[{host}]" if ":" in host else host) == host.removesuffix(".")


@pytest.mark.parametrize(
    ("target", "host"),
    [
        (b"/", "field"),
        (b"http://target:80/", "target"),
        (b"HTTP://Target", "target"),
        (b"/go?to=http://target/", "field"),
    ],
)
def test_host_of_the_target(target: bytes, host: str) -> None:
    """The host in an absolute-form target wins over the field (RFC 9112 section 3.2.2)."""
    assert parse_request(b"GET", target, [(b"host", b"Field:1")]).host == host


def test_host_that_nobody_named() -> None:
    """An HTTP/1.0 request without Host means no host."""
    assert parse_request(b"GET", b"/", []).host == ""


def test_too_many_query_fields() -> None:
    """A query with a thousand fields is refused."""
    with pytest.raises(ValueError, match="fields"):
        parse_request(b"GET", b"/metrics?" + b"&".join([b"name[]=a"] * 1000), [])


@settings(deadline=None)
@given(st.binary().map(lambda raw: bytes(33 + byte % 94 for byte in raw)))
def test_any_visible_target(target: bytes) -> None:
    """Any target of visible characters gives an absolute path without empty segments."""
    try:
        path = parse_request(b"GET", target, []).path
    except ValueError:
        return
    assert path.startswith("/")
    assert "//" not in path


def test_text_response() -> None:
    """A text answer is one line in UTF-8 and carries extra headers."""
    response = text_response(503, "später", ("Retry-After", "1"))
    assert response.body == "später\n".encode()
    assert ("Content-Type", "text/plain; charset=utf-8") in response.headers
    assert ("Retry-After", "1") in response.headers
