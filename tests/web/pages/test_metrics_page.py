import asyncio
import contextlib
import gzip
from collections.abc import Iterable, Iterator

import pytest
from prometheus_client import CollectorRegistry, Counter
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import (
    text_string_to_metric_families as parse_openmetrics,
)
from prometheus_client.parser import text_string_to_metric_families as parse_classic

from tcp_pressure_exporter.web.message import Request
from tcp_pressure_exporter.web.pages.metrics import MetricsPage, Variant, page
from tcp_pressure_exporter.web.pages.negotiation import CLASSIC
from tests.web.harness import (
    GatedFamilies,
    Reply,
    Serving,
    capturing_logger,
    client,
    eventually,
    get,
    parse_replies,
    read_all,
    registry_of,
    request_bytes,
    two_families,
)

_EXPECTED = {
    ("ports_used", "inbound", 1.0),
    ("ports_used", "outbound", 2.0),
    ("closes_total", None, 3.0),
}


def _series(families: Iterable[Metric]) -> set[tuple[str, str | None, float]]:
    samples = (sample for family in families for sample in family.samples)
    return {(sample.name, sample.labels.get("direction"), sample.value) for sample in samples}


def test_classic_text() -> None:
    """Without an Accept header the page is classic text 0.0.4, with all samples."""
    with Serving() as serving:
        reply = get(serving.address)
    assert reply.status == 200
    assert reply.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert reply.headers["vary"] == "Accept, Accept-Encoding"
    assert "content-encoding" not in reply.headers
    assert _series(parse_classic(reply.body.decode())) == _EXPECTED


def test_openmetrics() -> None:
    """On request the page is OpenMetrics: its strict parser accepts it, and it ends in '# EOF'."""
    with Serving() as serving:
        reply = get(serving.address, "/metrics", "Accept: application/openmetrics-text")
    assert reply.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert reply.body.endswith(b"# EOF\n")
    families = parse_openmetrics(reply.body.decode())  # type: ignore[no-untyped-call]  # theirs
    assert _series(families) == _EXPECTED


def test_gzip_round_trip() -> None:
    """A client that accepts gzip gets the same page, compressed."""
    with Serving() as serving:
        packed = get(serving.address, "/metrics", "Accept-Encoding: gzip")
        plain = get(serving.address, "/metrics", "Accept-Encoding: gzip;q=0")
    assert packed.headers["content-encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert "content-encoding" not in plain.headers


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("name[]=ports_used", {"ports_used"}),
        ("name%5B%5D=closes_total", {"closes_total"}),
        ("name[]=ports_used&name[]=closes_total", {"ports_used", "closes_total"}),
        ("name[]=missing", set()),
        ("name[]=", {"ports_used", "closes_total"}),
        ("other=1", {"ports_used", "closes_total"}),
    ],
)
def test_name_filter(query: str, names: set[str]) -> None:
    """'name[]' chooses samples by name, even of collectors that do not describe themselves."""
    with Serving() as serving:
        reply = get(serving.address, f"/metrics?{query}")
    assert {name for name, _, _ in _series(parse_classic(reply.body.decode()))} == names


def test_filter_leaves_the_families_alone() -> None:
    """A filtered page does not remove samples from a family that a collector keeps."""
    kept = list(two_families())
    registry = registry_of(lambda: kept)
    whole = page(registry, Variant(CLASSIC))
    page(registry, Variant(CLASSIC, frozenset({"closes_total"})))
    assert page(registry, Variant(CLASSIC)) == whole


def test_no_created_series() -> None:
    """A counter of the client library is shown without its '_created' companion."""
    registry = CollectorRegistry()
    Counter("reloads", "Reloads.", registry=registry).inc()
    with Serving(registry.collect) as serving:
        body = get(serving.address).body.decode()
    assert {name for name, _, _ in _series(parse_classic(body))} == {"reloads_total"}
    assert "_created" not in body


def _scrape_at_once(gate: GatedFamilies, count: int) -> list[Reply]:
    """Begin so many scrapes, and open the gate when all have reached the server or been refused."""
    limit = 40
    with Serving(gate) as serving, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(serving.address)) for _ in range(count)]
        for sock in clients:
            sock.sendall(request_bytes("GET", "/metrics", "Connection: close"))
        # Answers over the limit are logged at once, those below it only when the gate opens.
        eventually(lambda: len(serving.logged.entries) >= count - limit)
        # A request on a later connection is accepted after all of theirs.
        assert get(serving.address, "/-/healthy").status == 200
        gate.opened.set()
        return [parse_replies(read_all(sock))[0] for sock in clients]


def test_sixty_scrapes_at_once() -> None:
    """Of 60 scrapes at once, 40 get the page and 20 a clear 503."""
    replies = _scrape_at_once(GatedFamilies(), 60)
    assert sorted(reply.status for reply in replies) == [200] * 40 + [503] * 20
    refusals = {reply.body for reply in replies if reply.status == 503}
    assert refusals == {b"Already serving 40 scrapes; try again later.\n"}


def test_concurrent_scrapes_share_one_rendering() -> None:
    """Scrapes that arrive while the same page is being made get that page; later ones do not."""
    gate = GatedFamilies()
    replies = _scrape_at_once(gate, 20)
    assert {reply.body for reply in replies} == {replies[0].body}
    assert gate.times == 1


def test_every_later_scrape_is_rendered_anew() -> None:
    """Nothing is cached between scrapes, and a finished scrape does not count."""
    gate = GatedFamilies()
    gate.opened.set()
    with Serving(gate, max_requests=1) as serving:
        assert [get(serving.address).status for _ in range(3)] == [200] * 3
    assert gate.times == 3


def test_renderings_that_nobody_waits_for() -> None:
    """Renderings for clients that have gone count until they are done."""
    gate = GatedFamilies()

    async def leave_and_come() -> list[int]:
        metrics = MetricsPage(registry_of(gate), max_requests=2, log=capturing_logger()[0])
        queries = [{"name[]": [name]} for name in "abc"]
        requests = [Request("GET", "/metrics", query, {}) for query in queries]
        leaving = [asyncio.create_task(metrics.handle(request)) for request in requests[:2]]
        await asyncio.sleep(0)
        for task in leaving:
            task.cancel()
        await asyncio.wait(leaving)
        refused = await metrics.handle(requests[2])
        gate.opened.set()
        await asyncio.wait(asyncio.all_tasks() - {asyncio.current_task()})
        answer = await metrics.handle(requests[2])
        metrics.close()
        return [refused.status, answer.status]

    assert asyncio.run(leave_and_come()) == [503, 200]


def test_no_limit() -> None:
    """With a limit of 0 no scrape is refused."""
    gate = GatedFamilies()
    with Serving(gate, max_requests=0) as serving, contextlib.ExitStack() as stack:
        clients = [stack.enter_context(client(serving.address)) for _ in range(60)]
        for sock in clients:
            sock.sendall(request_bytes("GET", "/metrics", "Connection: close"))
        gate.opened.set()
        assert {parse_replies(read_all(sock))[0].status for sock in clients} == {200}


def test_collector_that_raises() -> None:
    """A collector that raises costs its scrape, with a one-line 500; the next one succeeds."""
    failures = [RuntimeError("secret detail")]

    def flaky() -> Iterator[Metric]:
        if failures:
            raise failures.pop()
        return two_families()

    with Serving(flaky) as serving:
        failed, succeeded = get(serving.address), get(serving.address)
    assert failed.status == 500
    assert failed.body == b"Rendering the metrics failed; the log has the reason.\n"
    assert succeeded.status == 200
    [entry] = [entry for entry in serving.logged.entries if entry["log_level"] == "error"]
    assert entry["exc_info"]
