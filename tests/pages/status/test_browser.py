"""The status page as people see it: in a real browser."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import axe_playwright_python
import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.sample.sample import FINDINGS, POOLS, NamespaceSample
from tests.pages.status.served_status import ServedStatus, served, tab
from tests.pages.status.snapshots import (
    CALM_HOST,
    FULL_HOST,
    LEAKY_HOST,
    PROXY_HOST,
    REFUSING_HOST,
    hour_of,
    snapshot,
)
from tests.pages.status.test_rendering import HOSTILE, hostile_host
from tests.support.fakes.samples import with_parts
from tests.verdict.past.test_incidents import look, memory, sighting

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text()
PHONE = {"width": 375, "height": 812}
DESKTOP = {"width": 1440, "height": 900}
ONE_LINE = 24  # pixels, at most
TURN_AWAY = "(away => {window.away = away; document.dispatchEvent(new Event('visibilitychange'))})("
HOSTS = {
    "calm": CALM_HOST,
    "proxy": PROXY_HOST,
    "leak": LEAKY_HOST,
    "full": FULL_HOST,
    "refusing": REFUSING_HOST,
}


def of(host: NamespaceSample) -> Snapshot:
    return snapshot(host, lines=hour_of(host))


def renewed(status: ServedStatus, known: Snapshot, started: float) -> None:
    """Make the next sample say something else."""
    assert known.sample is not None
    status.known = replace(known, sample=replace(known.sample, started=started, interval=0.1))


def violations(page: Page) -> list[Any]:
    """Return what axe-core finds, best practices included, in two lines each."""
    page.evaluate(AXE)
    found = page.evaluate("axe.run().then(result => JSON.stringify(result.violations))")
    return [(v["id"], [node["html"] for node in v["nodes"]]) for v in json.loads(found)]


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "light"), (DESKTOP, "dark")])
@pytest.mark.parametrize("host", HOSTS)
def test_accessible_and_not_too_wide(
    browser: Browser, host: str, size: dict[str, int], scheme: str
) -> None:
    """axe-core finds nothing, contrast included, and nothing is wider than the screen."""
    with (
        served(of(HOSTS[host])) as status,
        tab(browser, status.url, viewport=size, color_scheme=scheme) as page,
    ):
        page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


@pytest.mark.parametrize(("size", "scheme"), [(PHONE, "dark"), (DESKTOP, "light")])
def test_what_has_happened(browser: Browser, size: dict[str, int], scheme: str) -> None:
    """Incidents are accessible and not too wide, with their minutes folded open."""
    past = memory(*(look(20.0 * n, sighting(refused=10**9)) for n in range(40)), look(1200, used=1))
    with (
        served(replace(of(CALM_HOST), incidents=past)) as status,
        tab(browser, status.url, viewport=size, color_scheme=scheme) as page,
    ):
        page.locator("details summary", has_text="Minute by minute").click()
        expect(page.locator(".minutes tbody tr")).to_have_count(6)
        assert violations(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]


def test_what_a_tired_person_sees_first(browser: Browser) -> None:
    """A phone's first screen has verdict, pool, time left and owner; the title has the verdict."""
    past = memory(look(0, sighting(refused=7)), look(5, sighting(refused=7)))
    known = replace(of(PROXY_HOST), incidents=past)
    with served(known) as status, tab(browser, status.url, viewport=PHONE) as page:
        assert page.title().startswith("CRITICAL · edge-1")
        first = page.locator("#status .card").first
        for text in ("10.77.0.1 → 10.77.0.2:8080", "91 %", "41 s", "nginx.service (nginx)"):
            expect(first).to_contain_text(text)
        assert first.bounding_box()["height"] + first.bounding_box()["y"] < PHONE["height"]  # type: ignore[index]
        expect(page.get_by_role("heading", level=1)).to_have_text("critical")


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text(browser: Browser, text: str) -> None:
    """Whatever names contain, no script runs, nothing is loaded, and the page keeps its width."""
    with (
        served(replace(of(hostile_host(text)), host=text)) as status,
        tab(browser, status.url, viewport=PHONE) as page,
    ):
        assert page.locator("img").count() == 0
        assert page.locator("script").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]


def test_it_renews_itself_in_place(browser: Browser) -> None:
    """A new sample appears; focus, opened sections and the scroll position stay."""
    quick = replace(of(CALM_HOST), host="edge-1")
    with served(quick) as status:
        renewed(status, quick, 101.0)
        with tab(browser, status.url, viewport=PHONE) as page:
            page.locator("#settings summary").click()
            page.evaluate("window.mark = document.getElementById('settings')")
            assert page.evaluate("window.scrollY") > 0
            renewed(
                status,
                snapshot(with_parts(CALM_HOST, findings=LEAKY_HOST.outcome(FINDINGS))),
                102.0,
            )
            renewed(status, of(PROXY_HOST), 103.0)
            expect(page.locator("h1")).to_have_text("critical")
            expect(page.locator("#said")).to_contain_text("Now critical: Outbound pool")
            assert page.title().startswith("CRITICAL")
            assert page.evaluate("document.getElementById('settings') === window.mark")
            assert page.evaluate("window.mark.open")
            assert page.evaluate("window.scrollY") > 0
            assert page.evaluate("document.activeElement.parentElement === window.mark")


def test_what_was_folded_stays_folded(browser: Browser) -> None:
    """What to type for the worst is open at first; once closed, a new sample leaves it closed."""
    with served(of(PROXY_HOST)) as status:
        renewed(status, of(PROXY_HOST), 101.0)
        with tab(browser, status.url) as page:
            typed = page.locator("#do1 details")
            expect(typed.locator("pre").first).to_be_visible()
            typed.locator("summary").click()
            renewed(status, of(LEAKY_HOST), 102.0)
            expect(page.locator("h1")).to_have_text("warning")
            renewed(status, of(PROXY_HOST), 103.0)
            expect(page.locator("h1")).to_have_text("critical")
            expect(typed.locator("pre").first).to_be_hidden()


def test_calm_parts_are_one_line(browser: Browser) -> None:
    """Calm parts are one line each, with the rest on request."""
    with served(of(CALM_HOST)) as status, tab(browser, status.url) as page:
        for name in ("Outbound pools", "Inbound pools", "Other limits", "Sockets by state"):
            line = page.locator("summary", has_text=name).bounding_box()
            assert line is not None
            assert line["height"] < 2 * ONE_LINE
        assert page.locator("#parts table:visible").count() == 0
        page.locator("#pools-outbound summary").press("Enter")
        expect(page.get_by_role("row", name="10.0.0.2 → 10.0.0.9:5432")).to_be_visible()


def test_rows_keep_their_identity(browser: Browser) -> None:
    """A pool that moves up keeps its element, so that nothing flickers."""
    pools = PROXY_HOST.outcome(POOLS)
    assert pools is not None
    assert pools.value is not None
    outbound = pools.value["outbound"]
    turned = replace(outbound, listed=outbound.listed[::-1])
    other = with_parts(PROXY_HOST, pools=replace(pools, value={**pools.value, "outbound": turned}))
    with served(of(other)) as status:
        renewed(status, of(other), 101.0)
        with tab(browser, status.url) as page:
            page.evaluate("window.rows = [...document.querySelectorAll('tr[id]')]")
            renewed(status, of(LEAKY_HOST), 102.0)
            expect(page.locator("h1")).to_have_text("warning")
            renewed(status, of(other), 103.0)
            expect(page.locator("h1")).to_have_text("critical")
            kept = "window.rows.filter(row => row.isConnected).length"
            assert page.evaluate(kept) >= 3  # the other limits, which are on both pages


def test_it_pauses(browser: Browser) -> None:
    """A paused page keeps what it shows until it is resumed; the keyboard is enough."""
    with served(of(CALM_HOST)) as status:
        renewed(status, of(CALM_HOST), 101.0)
        with tab(browser, status.url) as page:
            page.get_by_role("button", name="Pause").press("Enter")
            renewed(status, of(PROXY_HOST), 102.0)
            expect(page.locator("#age")).to_contain_text("paused")
            expect(page.locator("h1")).to_have_text("calm")
            page.get_by_role("button", name="Resume").press("Enter")
            expect(page.locator("h1")).to_have_text("critical")


def test_hidden_pages_do_not_ask(browser: Browser) -> None:
    """A hidden tab asks for nothing, and asks immediately when it is seen again."""
    with served(of(CALM_HOST)) as status:
        renewed(status, of(CALM_HOST), 101.0)
        with tab(browser, status.url) as page:
            page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.away})")
            page.evaluate(TURN_AWAY + "true)")
            asked: list[str] = []
            page.on("request", lambda request: asked.append(request.url))
            page.evaluate("new Promise(done => setTimeout(done, 2500))")
            assert asked == []
            renewed(status, of(PROXY_HOST), 102.0)
            page.evaluate(TURN_AWAY + "false)")
            expect(page.locator("h1")).to_have_text("critical")


def test_lost_connection(browser: Browser) -> None:
    """When the exporter is gone, the page says since when, and greys out what it shows."""
    with served(of(CALM_HOST)) as status:
        renewed(status, of(CALM_HOST), 101.0)
        with tab(browser, status.url, may_lose=True) as page:
            expect(page.locator("#age")).to_contain_text("old")
            status.serving.begin_stop()
            lost = page.get_by_role("alert")
            expect(lost).to_contain_text("Connection lost: the exporter does not answer")
            expect(page.locator("#age")).to_contain_text("last seen")
            assert "grayscale" in page.locator("main").evaluate(
                "one => getComputedStyle(one).filter"
            )


def test_stale_sample(browser: Browser) -> None:
    """When sampling stops, the open page shows no numbers any more."""
    with served(of(PROXY_HOST)) as status:
        renewed(status, of(PROXY_HOST), 101.0)
        with tab(browser, status.url) as page:
            status.known = replace(status.known, current=False)
            expect(page.locator("h1")).to_have_text("no current data")
            expect(page.locator("main")).not_to_contain_text("10.77.0.1")


def test_without_javascript(browser: Browser) -> None:
    """Without scripts the page is complete, and a link reloads it."""
    with (
        served(of(PROXY_HOST)) as status,
        tab(browser, status.url, java_script_enabled=False) as page,
    ):
        expect(page.locator("h1")).to_have_text("critical")
        renewed(status, of(LEAKY_HOST), 102.0)
        page.get_by_role("link", name="reload it").click()
        expect(page.locator("h1")).to_have_text("warning")
        expect(page.locator("#pause")).to_be_hidden()


def test_namespaces_by_keyboard(browser: Browser) -> None:
    """A namespace is chosen by its link, and stays chosen when the page refreshes itself."""
    both = snapshot(CALM_HOST, replace(PROXY_HOST, netns="blue"))
    with served(both) as status:
        renewed(status, both, 101.0)
        with tab(browser, status.url) as page:
            expect(page.locator("h1")).to_have_text("critical")
            page.keyboard.press("Tab")
            expect(page.get_by_role("link", name="To the status")).to_be_focused()
            page.get_by_role("link", name="host").press("Enter")
            expect(page.locator("h1")).to_have_text("calm")
            renewed(status, snapshot(LEAKY_HOST, replace(PROXY_HOST, netns="blue")), 102.0)
            expect(page.locator("h1")).to_have_text("warning")
            assert violations(page) == []


def _of_another_version(route: Route) -> None:
    if route.request.is_navigation_request():
        route.continue_()  # the page reloads itself: the test is over
        return
    answer = route.fetch()
    body = answer.text().replace("static/status.", "static/status.new.")
    route.fulfill(response=answer, body=body)


def test_another_version_loads_itself(browser: Browser) -> None:
    """After an upgrade, an open page reloads itself with the new script and style."""
    with served(of(CALM_HOST)) as status:
        renewed(status, of(CALM_HOST), 101.0)
        with tab(browser, status.url) as page, page.expect_navigation():
            page.route(status.url, _of_another_version)
