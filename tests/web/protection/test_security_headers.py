from tcp_pressure_exporter.web.message import Response, text_response
from tcp_pressure_exporter.web.protection.protection import secured
from tests.web.harness import Serving, exchange, get, request_bytes

EXPECTED = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def test_defaults() -> None:
    """Without configuration browsers are told not to guess, frame, load or tell anything."""
    headers = dict(secured(text_response(200, "x"), {}).headers)
    assert EXPECTED.items() <= headers.items()


def test_the_page_goes_before_the_defaults() -> None:
    """A page that needs another policy has it, and no header comes twice."""
    page = Response(200, b"", (("content-security-policy", "img-src 'self'"),))
    headers = secured(page, {}).headers
    policies = [text for name, text in headers if name.lower() == "content-security-policy"]
    assert policies == ["img-src 'self'"]


def test_configured_ones_go_before_all() -> None:
    """What is configured replaces the page's and the defaults; an empty one is not sent."""
    page = Response(200, b"", (("Content-Security-Policy", "img-src 'self'"),))
    configured = {"Content-Security-Policy": "", "X-Frame-Options": "sameorigin", "X-Y": "z"}
    headers = secured(page, configured).headers
    assert ("X-Frame-Options", "sameorigin") in headers
    assert ("X-Y", "z") in headers
    assert len({name for name, _ in headers}) == len(headers)
    assert "Content-Security-Policy" not in dict(headers)


def test_every_answer_has_them() -> None:
    """Pages, errors and refusals of bad requests all have the headers."""
    with Serving() as serving:
        replies = [get(serving.address, path) for path in ("/metrics", "/-/healthy", "/nowhere")]
        replies += exchange(serving.address, request_bytes("POST", "/", "Connection: close"))
        replies += exchange(serving.address, b"garbage\r\n\r\n")
    assert [reply.status for reply in replies] == [200, 200, 404, 405, 400]
    for reply in replies:
        assert {name.lower(): text for name, text in EXPECTED.items()}.items() <= (
            reply.headers.items()
        )
