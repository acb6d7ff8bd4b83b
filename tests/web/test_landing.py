import base64
import hashlib
import re
from html.parser import HTMLParser

from tcp_pressure_exporter.web.landing import landing_page
from tests.web.harness import Serving, get

_VOID = {"meta"}


class _Page(HTMLParser):
    """Collects links and checks that elements are closed in the order they were opened."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.links: list[str | None] = []
        self.text: list[str] = []
        self._open: list[str] = []
        self.feed(page)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _VOID:
            self._open.append(tag)
        if tag == "a":
            self.links.append(dict(attrs)["href"])

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def test_landing_page() -> None:
    """The page names the exporter and its version, and each link leads to a page that exists."""
    with Serving() as serving:
        reply = get(serving.address, "/")
        page = _Page(reply.body.decode())
        statuses = [get(serving.address, f"/{link}").status for link in page.links]
    assert reply.headers["content-type"] == "text/html; charset=utf-8"
    assert "1.2.3" in "".join(page.text)
    assert page.links == ["metrics", "-/healthy", "-/ready"]
    assert statuses == [200, 200, 200]


def test_content_security_policy_allows_the_style_only() -> None:
    """The policy forbids everything but the page's own style, by its hash (CSP level 2)."""
    with Serving() as serving:
        reply = get(serving.address, "/")
    [style] = re.findall(r"<style>(.*?)</style>", reply.body.decode(), re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = reply.headers["content-security-policy"].split("; ")
    assert policy[:2] == ["default-src 'none'", f"style-src 'sha256-{digest}'"]
    assert "frame-ancestors 'none'" in policy
    assert reply.headers["x-content-type-options"] == "nosniff"
    assert "color-scheme: light dark" in style


def test_hostile_values_are_escaped() -> None:
    """Names, versions and paths cannot add elements to the page."""
    hostile = "\"'><script>alert(1)</script>&"
    page = landing_page(hostile, hostile, {hostile: f"/{hostile}"}).body.decode()
    assert "<script>" not in page
    assert _Page(page).links == [hostile]
