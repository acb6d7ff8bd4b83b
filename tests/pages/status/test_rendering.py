"""The page as HTML, before a browser sees it."""

from dataclasses import replace
from random import Random

import pytest

from tcp_pressure_exporter.facts.outcome import Outcome, SourceError
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.facts.system import Resource
from tcp_pressure_exporter.findings.binding import NOT_KNOWN, SUBFLOWS_BIND
from tcp_pressure_exporter.findings.close_wait import CLOSE_WAIT_CAUSES, NEVER_ACCEPTED
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.findings.refusals import REFUSALS
from tcp_pressure_exporter.findings.table import FINDINGS as FINDINGS_TABLE
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.pages.status.source import StatusSource
from tcp_pressure_exporter.pages.status.template import LONGEST
from tcp_pressure_exporter.pools.directions import INBOUND, OUTBOUND, SOURCE
from tcp_pressure_exporter.pools.listing import OwnerCount
from tcp_pressure_exporter.sample.close_wait import CauseCount, CloseWait, RemoteCount
from tcp_pressure_exporter.sample.namespaces import Census
from tcp_pressure_exporter.sample.sample import FINDINGS, LOCAL_PORTS, NamespaceSample
from tcp_pressure_exporter.verdict.past.history import Line, SeriesKey
from tests.pages.json_documents.test_incidents import worst_case
from tests.pages.report.observations import pool_sample
from tests.pages.status.html_outline import Outline
from tests.pages.status.snapshots import (
    BROKEN_HOST,
    CALM_HOST,
    EMPTY,
    FULL_HOST,
    LEAKY_HOST,
    PROXY_HOST,
    REFUSING_HOST,
    hour_of,
    pool,
    refusals,
    snapshot,
    table,
)
from tests.support.fakes.evidence import known
from tests.support.fakes.samples import with_parts
from tests.verdict.past.test_incidents import EPOCH, every, look, memory, sighting

LINKS = {
    "metrics": "/metrics",
    "json": "/api/v1/status",
    "incidents": "/api/v1/incidents",
    "documents": "/docs/",
    "healthy": "/-/healthy",
    "ready": "/-/ready",
}
MAX_BYTES = 106_496  # 104 KiB
HOSTILE = {  # with how it is shown
    "<script>alert(1)</script>": "<script>alert(1)</script>",
    "\"'><img src=x onerror=alert(1)>&amp;": "\"'><img src=x onerror=alert(1)>&amp;",
    "a\x1b[31m\nb\u202etxt.exe\udc80\u2028": r"a\x1b[31m\nb\u202etxt.exe\udc80\u2028",
    "{{ 7 * 7 }}{% raw %}": "{{ 7 * 7 }}{% raw %}",
    "\u05d0\u05d1 \u0627\u0644": "\u05d0\u05d1 \u0627\u0644",
    "x" * 4096: "x" * 300 + "…",
}


def page(shown: Snapshot, netns: str | None = None) -> tuple[bytes, Outline]:
    body = StatusSource(lambda: shown, LINKS).page(netns)
    return body, Outline(body)


ADVICE = [
    *(kind.advice for kind in KINDS.values()),
    *(advice for kind in KINDS.values() for advice in kind.in_time_wait or ()),
    *(f"Most ports {advice}" for advice in (KINDS[OUTBOUND].in_state or {}).values()),
    *(f"About 12,345 of 28,232 {SUBFLOWS_BIND}", NOT_KNOWN),
    *(row.advice for row in REFUSALS.values()),
    *(row.advice for row in (*CLOSE_WAIT_CAUSES.values(), NEVER_ACCEPTED)),
    *(finding.advice for finding in FINDINGS_TABLE),
]


def test_no_advice_is_cut() -> None:
    """The bound for text from outside leaves all advice whole."""
    assert max(map(len, ADVICE)) <= LONGEST


HOSTS = [CALM_HOST, PROXY_HOST, LEAKY_HOST, BROKEN_HOST, FULL_HOST, REFUSING_HOST]


@pytest.mark.parametrize("host", HOSTS)
def test_every_host_is_a_well_formed_page(host: NamespaceSample) -> None:
    """Each link within the page has a target, and there are no inline styles or scripts."""
    body, outline = page(snapshot(host, lines=hour_of(host)))
    for link in outline.all("a"):
        target = link["href"] or ""
        if target.startswith("#"):
            assert target[1:] in outline.ids()
    for _tag, attributes in outline.elements:
        assert not [name for name in attributes if name == "style" or name.startswith("on")]
    assert b"<style" not in body
    assert len(body) < MAX_BYTES


def test_only_own_files_by_relative_links() -> None:
    """The page asks nothing of other servers, and works below a prefix."""
    _, outline = page(snapshot(PROXY_HOST))
    targets = [a.get("href") or a.get("src") or "" for _, a in outline.elements]
    for target in filter(None, targets):
        assert "//" not in target
        assert not target.startswith("/")
    assert {"metrics", "api/v1/status", "-/healthy", "-/ready"} <= set(targets)


def test_worst_case_is_small() -> None:
    """With every table full, a wild past and a hundred other namespaces, it is under 104 KiB."""
    others = [replace(CALM_HOST, netns=f"container-{'f' * 50}-{n}") for n in range(100)]
    chance = Random(1)  # noqa: S311 - lines that go up and down as lines never do
    lines: dict[SeriesKey, Line] = {
        key: [chance.random() for _ in range(240)] for key in hour_of(FULL_HOST)
    }
    shown = snapshot(FULL_HOST, *others, lines=lines)
    body, outline = page(replace(shown, incidents=worst_case("a")))
    assert len(body) < MAX_BYTES
    assert "docs/findings.md#odd_port_range" in outline.text


def test_the_order_of_the_answers() -> None:
    """The verdict is first, then what is closest, who, how long; then what to do; then the rest."""
    _, outline = page(snapshot(PROXY_HOST))
    answers = [
        "critical",
        "Outbound pool 10.77.0.1 → 10.77.0.2:8080 is 91 % full and will be full in 41 s",
        "Closest to the limit",
        "time left 41 s",
        "25,822 / 28,232 used, 25,500 of them in TIME_WAIT; projected 126 %",
        "Owners of its open connections: nginx.service (nginx) 298, curl 24",
        "port_range_too_small: 10.77.0.1 → 10.77.0.2:8080 has 28,232 local ports",
        "tw_reuse_off_under_pressure: 10.77.0.1 → 10.77.0.2:8080: 25,500 of 28,232",
        "What to do",
        "have the client keep connections open",
        "docs/runbooks/pools.md#tcppressurepoolhigh",
        "Outbound pools 41 in use; the fullest is 91 % full now",
        "Pools not shown use 730 ports.",
        "Sockets by state",
        "The exporter",
    ]
    places = [outline.words.find(answer) for answer in answers]
    assert -1 not in places, answers[places.index(-1)]
    assert places == sorted(places)


def test_a_leak_comes_before_pools_that_are_calm() -> None:
    """Leaks are above the pools if the verdict is about them."""
    _, outline = page(snapshot(LEAKY_HOST))
    words = outline.words
    assert words.index("Owners: api.service (gunicorn) 1,540") < words.index("Closest to the limit")
    assert "read, but not closed warning 1,504 at least 31 min" in words


def test_what_would_help() -> None:
    """A pool that is not calm has the two best remedies next to it; a calm one has none.

    There are 418 closes a second for a minute: with tcp_tw_reuse, one second of them is left.
    """
    full = pool_sample().pool_tables()[OUTBOUND].listed[0]
    assert full.outlook
    held = with_parts(
        CALM_HOST,
        pools=known({OUTBOUND: table(full, pool("10.0.0.2", "10.0.0.12", "6379", 846, 0))}),
        local_ports=known(pool_sample().get(LOCAL_PORTS)),
    )
    _body, outline = page(snapshot(held))
    told = "What would help: tw_reuse=1: projected 6 %; keepalive=0.9: projected 13 %"
    assert outline.text.count(told) == 1
    assert "what would help" not in page(snapshot(CALM_HOST))[1].text


def test_nobody_is_named() -> None:
    """If no owner of a pool is known, the page says why, and what would help."""
    unknown = with_parts(PROXY_HOST, pool_owners=known(()))
    names = ("process names", "needs X")
    _, outline = page(replace(snapshot(unknown), left_out=(names,)))
    assert "No owner is known" in outline.words
    for help_ in ("CAP_SYS_PTRACE", "CAP_BPF"):
        assert help_ in outline.words
    assert "No owner is known" not in page(snapshot(PROXY_HOST))[1].words


def test_rows_beyond_ten_are_summed_up() -> None:
    """Of a hundred listed pools, ten have a row, and the page says what the others use."""
    pools = [pool("10.0.0.2", f"10.0.1.{n}", "443", 1_000 + n, 0) for n in range(100)]
    tables = {OUTBOUND: table(*pools, others=5), INBOUND: EMPTY, SOURCE: EMPTY}
    host = with_parts(CALM_HOST, pools=known(tables))
    _, outline = page(snapshot(host))
    rows = [row for row in outline.all("tr") if (row.get("id") or "").startswith("p")]
    assert len(rows) == 10
    others = 5 + sum(1_000 + n for n in range(90))
    assert f"Pools not shown use {others:,} ports." in outline.words


def test_runbooks_are_links() -> None:
    """A runbook is in the exporter's own documents, or below the address that was set."""
    _, outline = page(replace(snapshot(PROXY_HOST), runbook_url="https://git.example/v1"))
    links = {link["href"] for link in outline.all("a")}
    assert "https://git.example/v1/docs/runbooks/pools.md#tcppressurepoolhigh" in links
    _, plain = page(snapshot(PROXY_HOST))
    links = {link["href"] for link in plain.all("a")}
    assert {"docs/runbooks/pools.md#tcppressurepoolhigh", "docs/"} <= links


def test_nothing_stale_is_shown() -> None:
    """Of a sample that is too old, only the time remains."""
    body, outline = page(replace(snapshot(PROXY_HOST), current=False))
    assert "no current data" in outline.words
    assert "last sample 2026-11-20 18:19:11 UTC" in outline.words
    assert "UNKNOWN" in outline.words
    assert b"10.77" not in body
    assert b"calm" not in body


def test_before_the_first_sample() -> None:
    """Before the first sample the page says so."""
    _, outline = page(replace(snapshot(), sample=None, current=False))
    assert "No sample has been taken yet." in outline.words


def test_what_could_not_be_read() -> None:
    """A part that failed is named with its reason; an unknown verdict is never calm."""
    _, outline = page(snapshot(BROKEN_HOST))
    assert "Could not be read limits: sockstat: absent" in outline.words
    assert "As far as it could be read, all is calm" in outline.words
    blind = with_parts(CALM_HOST, pools=Outcome(0.1, error=SourceError("sock_diag", "refused")))
    _, outline = page(snapshot(blind))
    assert outline.all("main")[0]["data-verdict"] == "unknown"


def test_namespaces() -> None:
    """Of several namespaces the worst is shown; all can be chosen, with their verdicts."""
    shown = snapshot(CALM_HOST, replace(PROXY_HOST, netns="blue & green"))
    _, outline = page(shown)
    assert "network namespace blue & green" in outline.words
    links = [link for link in outline.all("a") if "netns=" in (link["href"] or "")]
    assert [link["href"] for link in links] == ["?netns=blue%20%26%20green", "?netns=host"]
    assert [link.get("aria-current") for link in links] == ["page", None]
    _, outline = page(shown, "host")
    assert "All is calm" in outline.words
    assert "network namespace host" in outline.words


def test_a_namespace_that_is_gone() -> None:
    """A request for a missing namespace says so, and shows the worst one."""
    _, outline = page(snapshot(CALM_HOST), "blue")
    assert "The requested namespace is not in this sample" in outline.words


def test_the_exporter() -> None:
    """The page shows how the exporter is doing: its interval, CPU, collectors and settings."""
    known_now = snapshot(BROKEN_HOST)
    assert known_now.sample is not None
    sample = replace(known_now.sample, interval=7.5, census=Census(sampled=2, quiet=3))
    sample = replace(sample, left_out=(("process names", "ended early"),))
    _, outline = page(replace(known_now, sample=sample, left_out=(("canary", "needs X"),)))
    words = outline.words
    assert "It samples every 7.5 s, stretched from 5 s to save CPU" in words
    assert "2 sampled, 0 unlisted, 0 excluded, 3 quiet, 0 unreadable." in words
    assert "canary: off, needs X" in words
    assert "process names: ended early" in words
    assert "Collectors: 5 of 6 working" in words
    assert "groups lb" in words


def test_refused_connections() -> None:
    """Who was refused how many connections, and to where, comes before what is nearly full."""
    _body, outline = page(snapshot(REFUSING_HOST))
    text = " ".join(outline.text.split())
    assert "Refused for lack of a port in the last 5 min" in text
    assert "critical nginx.service (nginx) could not connect to 10.77.0.2:8080: 1,177" in text
    assert "could not connect to 10.77.0.2:443: 12 refused, because no local port was left" in text
    assert "the last 70 s ago" in text
    assert text.index("Refused for lack") < text.index("Closest to the limit")
    _body, calm = page(snapshot(CALM_HOST))
    assert "Refused" not in calm.text


def hostile_host(text: str) -> NamespaceSample:
    """Return a host on which every text from outside is this one."""
    owners = (OwnerCount(Owner(text, text), 1_500),)
    stuck = CloseWait({"not_closed": CauseCount(1_500, 90.0)}, owners, (RemoteCount(text, 1),), 0)
    odd = replace(pool("10.0.0.2", "10.0.0.9", "443", 28_000, 1), remote_address=text)
    tables = {OUTBOUND: table(odd), INBOUND: EMPTY, SOURCE: EMPTY}
    (found,) = CALM_HOST.get(FINDINGS)
    return with_parts(
        replace(CALM_HOST, netns=text),
        pools=known(tables),
        close_wait=known(stuck),
        failures=known(refusals((Owner(text, text), text))),
        findings=known((replace(found, detail=text),)),
        limits=Outcome(0.1, (Resource("orphans", 0, 1),), SourceError("x", text)),
    )


@pytest.mark.parametrize(("text", "shown"), HOSTILE.items(), ids=range(len(HOSTILE)))
def test_hostile_text(text: str, shown: str) -> None:
    """No name, whatever its characters and length, adds an element or spoils the page."""
    plain = snapshot(hostile_host("plain"), CALM_HOST)
    odd = replace(snapshot(hostile_host(text), CALM_HOST), host=text, settings=((text, text),))
    _, expected = page(replace(plain, settings=(("a", "b"),)))
    body, outline = page(odd)
    assert [tag for tag, _ in outline.elements] == [tag for tag, _ in expected.elements]
    assert not [char for char in outline.text if not char.isprintable() and char != "\n"]
    assert len(body) < MAX_BYTES
    assert outline.text.count(shown) >= 4


def test_nothing_has_happened() -> None:
    """If nothing was critical, that is one line."""
    past = memory(*(look(now) for now in every(5, 0, 600)))
    _, outline = page(replace(snapshot(CALM_HOST), incidents=past))
    assert "Nothing has been critical since this exporter started watching" in outline.words
    assert "Minute by minute" not in outline.words


def test_since_when() -> None:
    """While something is critical, the verdict says since when; the past is below what to do."""
    past = memory(*(look(now, sighting(refused=7), used=1000) for now in every(5, 0, 55)))
    now = replace(snapshot(PROXY_HOST), incidents=past)
    assert now.sample is not None
    _, outline = page(replace(now, sample=replace(now.sample, timestamp=EPOCH + 55)))
    words = outline.words
    assert "UTC · critical since 18:19:00 UTC, for 55 s" in words
    assert (
        words.index("What to do") < words.index("What has happened") < words.index("The exporter")
    )


def test_what_has_happened() -> None:
    """Between two waves the page shows what happened, with calls, owner and minutes."""
    past = memory(
        *(look(now, used=400) for now in every(5, 0, 55)),
        *(look(now, sighting(refused=7), used=1000) for now in every(5, 60, 115)),
        *(look(now, used=500) for now in every(5, 120, 235)),
    )
    calm = replace(snapshot(CALM_HOST), incidents=past)
    assert calm.sample is not None
    sample = replace(calm.sample, timestamp=EPOCH + 235)
    _, outline = page(replace(calm, sample=sample))
    words = outline.words
    assert "All is calm" in words
    assert (
        "1 incident since this exporter started watching 3 min ago. None is going on now." in words
    )
    assert "From 18:20:00 to 18:20:55 UTC, ended 2 min ago" in words
    assert "Peak 100 % full; 84 calls refused for lack of a port; nginx.service (nginx) 84" in words
    assert "18:19 40 % 400 400 10 18:20 100 % 1,000 1,000 10 84 18:21 50 % 500 500 10" in words
    assert "api/v1/incidents" in {link["href"] for link in outline.all("a")}
    _, again = page(replace(calm, current=False))
    assert "None is going on now." in again.words


def test_what_is_wrong_now_comes_first() -> None:
    """With a critical pool, what has happened is below what to do."""
    past = memory(*(look(now, sighting(refused=7)) for now in every(5, 0, 55)))
    _, outline = page(replace(snapshot(PROXY_HOST), incidents=past))
    (folded,) = [one for one in outline.all("details") if one.get("id") == "past"]
    assert "open" not in folded
    assert "1 incident since this exporter started watching" in outline.words


def test_incidents_are_bounded() -> None:
    """Three are shown, with names from outside as text, and how many there were before."""
    name = "<b>" * 30
    past = memory(
        *(look(1000.0 * n, sighting((name, str(n)), owner=Owner(name, name))) for n in range(40))
    )
    body, outline = page(replace(snapshot(CALM_HOST), incidents=past))
    assert "and 29 earlier incidents" in outline.words
    assert not outline.all("b") or b"<b><b>" not in body
    assert len(body) < MAX_BYTES
