"""The whole report, as golden text."""

from dataclasses import replace

import pytest

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.verdict.details.remembered import Asked
from tcp_pressure_exporter.verdict.refusals import Refused
from tests.pages.report.observations import (
    ASCII,
    BLIND,
    CALM,
    CLIENTS,
    CRITICAL,
    LEAK,
    MEMORY,
    ODD_RANGE,
    QUEUE,
    QUIET,
    REFUSING,
    SMALL_RANGE,
    TROUBLE,
    UPSTREAM,
    WAITING,
    WARNING,
    assessment,
    observation,
    printed,
    rendered,
)

TROUBLE_80 = """\
CRITICAL  web-1  2026-11-21 03:12:44 UTC  sampled in 120 ms
Outbound pool 10.0.0.2 → 10.0.0.9:443 is 95 % full and will be full in 41 s at
this rate. Also: 3 warnings.

Closest to the limit
resource                                    used / limit  TIME_WAIT  time left
outbound 10.0.0.2 → 10.0.0.9:443         26,822 / 28,232     25,500  41 s
███████████████████░  95 % critical
projected 126 % at this rate
owners: nginx.service (nginx) 1,204
        curl 3
accept queue 0.0.0.0:8080                      129 / 128             unknown
████████████████████ 100 % warning
inbound 10.0.0.5 → 10.0.0.2:443           7,741 / 64,512         40  over 10 min
██▍░░░░░░░░░░░░░░░░░  11 %
1 more resource, the fullest at <1 %
TIME_WAIT has no owner: the owners shown hold the open connections.

Stuck connections (CLOSE_WAIT: the peer has closed, this end has not)
cause                 connections  oldest
read, but not closed          140  at least 31 min warning
not read to the end             1  at least 59 s
owners: api.service 140
owner unknown, by remote: 10.0.0.7 1
api.service (worker): 140 connections, +20 a minute, out of descriptors in 30
min (424 of 1,024 open)

Findings
warning  small_range: has 28,232 local ports; needs 35,604
         what to do: item 4 below; why: docs/findings.md#small_range
later    odd_range: 32768 60998
         what to do: item 5 below; why: docs/findings.md#odd_range

What to do
1.  outbound pool 10.0.0.2 → 10.0.0.9:443: Keep connections open.
2.  accept queue 0.0.0.0:8080: Accept sooner.
3.  CLOSE_WAIT (read, but not closed): Restart it.
    systemctl restart api.service
    Frees its stuck connections. Risk: Its other connections end too, and the
    leak starts over.
4.  small_range: Add addresses.
5.  odd_range: when there is time: Make it even.

Could not be read
limits, findings: /proc/net/sockstat: absent"""

TABLE_160 = """\
Closest to the limit
resource                                                          used / limit  TIME_WAIT\
  time left    projected  owners
outbound 10.0.0.2 → 10.0.0.9:443  ███████████▍  95 % critical  26,822 / 28,232     25,500\
  41 s             126 %  nginx.service (nginx) 1,204, curl 3
accept queue 0.0.0.0:8080         ████████████ 100 % warning         129 / 128           \
  unknown
inbound 10.0.0.5 → 10.0.0.2:443   █▍░░░░░░░░░░  11 %            7,741 / 64,512         40\
  over 10 min       12 %
1 more resource, the fullest at <1 %"""

QUIET_80 = """\
CALM  web-1  2026-11-21 03:12:44 UTC  sampled in 120 ms
All is calm: nothing is near its limit.

Closest to the limit
resource                                    used / limit  TIME_WAIT  time left
inbound 10.0.0.5 → 10.0.0.2:443           7,741 / 64,512         40  over 10 min
██▍░░░░░░░░░░░░░░░░░  11 %
TCP memory                                 2 / 2,249 MiB             unknown
░░░░░░░░░░░░░░░░░░░░  <1 %

Not shown without more privileges (run it as root): process names and canary"""

BLIND_80 = """\
UNKNOWN  web-1  2026-11-21 03:12:44 UTC  sampled in 120 ms
The sockets could not be read, so there is no verdict.

Could not be read
pools: sock_diag: refused"""


def test_trouble() -> None:
    """The report of a host in trouble, at 80 columns and without colour."""
    assert printed(TROUBLE) == TROUBLE_80


REFUSING_80 = """\
Refused for lack of a port in the last 5 min
critical  nginx.service (nginx) could not connect to 10.0.0.9:443: 1,177
          refused, because no local port was left; the last just now
warning   others could not connect to several destinations: 3 refused, because
          the port it bound already has a connection to that destination; the
          last 70 s ago
"""


def test_refused() -> None:
    """Those whose connections were refused are listed one by one, above what is full for it."""
    text = printed(REFUSING)
    assert REFUSING_80 in text
    assert text.index("Refused for lack") < text.index("95 % critical")


def test_nothing_refused() -> None:
    """If nothing was refused meanwhile, the report says how long it looked."""
    text = printed(replace(QUIET, refused=Refused(1.07, ())))
    assert text.endswith(
        "\nNo connection was refused for lack of a port while this report looked (1.1 s)."
    )


def test_wide() -> None:
    """With more columns each resource is one line, and names its owners there."""
    assert TABLE_160 in printed(TROUBLE, width=160)


def test_calm() -> None:
    """A calm host is a few lines; the last says what more privileges would show."""
    seen = observation(QUIET, left_out=(("process names", "needs X"), ("canary", "needs Y")))
    assert rendered(seen) == QUIET_80


def test_what_was_not_looked_at() -> None:
    """What the look did not reach, and why, comes before what more privileges would show."""
    seen = replace(
        observation(replace(QUIET, not_looked_at=2), left_out=(("canary", "needs Y"),)),
        not_looked_at=(("other network namespaces", "2 not looked at"),),
    )
    lines = rendered(seen).splitlines()
    assert lines[1:3] == [
        "All is calm here: nothing is near its limit. Not looked at: 2 other network",
        "namespaces.",
    ]
    assert lines[-4:] == [
        "Not looked at",
        "other network namespaces: 2 not looked at",
        "",
        "Not shown without more privileges (run it as root): canary",
    ]


def test_nothing_could_be_read() -> None:
    """If all collectors failed, the report claims nothing."""
    assert printed(BLIND) == BLIND_80


@pytest.mark.parametrize("width", [60, 79, 80, 81, 139, 140, 141, 240])
def test_every_width(width: int) -> None:
    """No line is longer than the terminal, and no name or figure is cut off."""
    text = printed(TROUBLE, width=width)
    assert max(map(len, text.splitlines())) <= width
    whole = "".join(text.split())
    for part in ("10.0.0.2→10.0.0.9:443", "nginx.service", "1,204", "126%", "31min"):
        assert part in whole


def test_long_ipv6_names() -> None:
    """The longest pair of addresses is folded, not cut, on narrow and on wide terminals."""
    address = "2001:db8:1111:2222:3333:4444:5555:6666"
    pool = UPSTREAM._replace(name=f"{address} → [{address}]:65535")
    for width in (80, 140, 160, 200):
        text = printed(assessment(pool, severity=CRITICAL), width=width)
        table = text[text.index("resource") : text.index("TIME_WAIT has no owner")]
        assert f"{address} →" in table
        assert f"[{address}]" in table
        assert "65535" in table


def test_ascii() -> None:
    """If only ASCII can be shown, arrows and bars are ASCII and the rest is escaped."""
    pool = UPSTREAM._replace(owners=(SeenOwner(Owner("", "bücher-日"), 7),))
    text = printed(assessment(pool, severity=CRITICAL), charset=ASCII)
    assert text.isascii()
    assert "outbound 10.0.0.2 -> 10.0.0.9:443" in text
    assert "###################.  95 % critical" in text
    assert r"owners: b\xfccher-\u65e5 7" in text


HOSTILE = [
    "[red]x[/red]",
    "a\x1b[31mb",
    "a\nCALM",
    "\x9b2J",
    "\u202egpj",
    ":bomb:",
    "[/]",
    "a\udc80",
]


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("width", [80, 160])
def test_hostile_text(name: str, width: int) -> None:
    """Any name of a process, service, address, group, host or error is printed literally."""
    escaped = {
        "a\x1b[31mb": r"a\x1b[31mb",
        "a\nCALM": r"a\nCALM",
        "\x9b2J": r"\x9b2J",
        "\u202egpj": r"\u202egpj",
        "a\udc80": r"a\udc80",
    }.get(name, name)
    owner = OwnerCount(Owner(name, name), 5)
    found = assessment(
        UPSTREAM._replace(name=name, owners=(SeenOwner(*owner),)),
        severity=CRITICAL,
        stuck=(LEAK,),
        close_wait=replace(
            WAITING, owners=(owner,), remotes=(WAITING.remotes[0]._replace(remote=name),)
        ),
        findings=(replace(SMALL_RANGE, detail=name),),
        failures=(("pools", name),),
    )
    text = rendered(observation(found, host=name), width=width)
    assert "\x1b" not in text
    assert f"CRITICAL  {escaped}  2026" in text
    assert f"outbound {escaped}" in text
    assert f"{escaped} ({escaped}) 5" in text
    assert f"owner unknown, by remote: {escaped} 1" in text
    assert f"small_range: {escaped}" in text
    assert f"pools: {escaped}" in text


def test_calm_with_findings() -> None:
    """Advice that can wait does not make a calm host look less calm."""
    text = printed(assessment(CLIENTS, findings=(ODD_RANGE,)))
    assert "All is calm" in text
    assert "later  odd_range" in text


def test_no_owner_is_named_where_there_is_none() -> None:
    """The line about owners appears only if TIME_WAIT holds most of a pool in trouble."""
    live = UPSTREAM._replace(time_wait=100)
    assert "TIME_WAIT has no owner" in printed(assessment(UPSTREAM, severity=CRITICAL))
    assert "TIME_WAIT has no owner" not in printed(assessment(live, severity=CRITICAL))
    assert "TIME_WAIT has no owner" not in printed(assessment(CLIENTS))


def test_rows_are_bounded() -> None:
    """At most ten resources are shown; the rest is summed up, and called urgent if it is."""
    urgent = [QUEUE._replace(name=f"0.0.0.0:{port}") for port in range(8000, 8012)]
    text = printed(assessment(*urgent, MEMORY, severity=WARNING))
    assert text.count("100 % warning") == 10
    assert "3 more resources, 2 of them not calm" in text


def test_calm_rows_are_few() -> None:
    """Three calm resources are shown."""
    pools = [CLIENTS._replace(name=f"10.0.0.{n} → 10.0.0.2:443") for n in range(8)]
    text = printed(assessment(*pools, severity=CALM))
    assert text.count("inbound 10") == 3
    assert "5 more resources, the fullest at 11 %" in text


@pytest.mark.parametrize("width", [80, 160])
def test_price_of_fullness(width: int) -> None:
    """The cost of each connect() appears with the ratio, in every layout, if it is known."""
    paid = assessment(UPSTREAM._replace(search_seconds=0.0014), severity=CRITICAL)
    assert "connect() now takes 1.4 ms to find a port" in printed(paid, width=width)
    assert "searches" not in printed(assessment(UPSTREAM, severity=CRITICAL), width=width)


def test_what_has_happened() -> None:
    """Between two waves, what the exporter remembers is under the verdict, otherwise at the end."""
    told = tuple(f"From 18:2{n}:00 to 18:2{n}:55 UTC: \x1b[31mpool {n}" for n in range(3))
    asked = Asked("http://127.0.0.1:10190", incidents=told)
    calm = rendered(replace(observation(QUIET), asked=asked))
    lines = calm.splitlines()
    assert lines[3:6] == [
        "What has happened (by the exporter)",
        r"From 18:20:00 to 18:20:55 UTC: \x1b[31mpool 0",
        r"From 18:21:00 to 18:21:55 UTC: \x1b[31mpool 1",
    ]
    assert calm.count("What has happened") == 1
    bad = rendered(replace(observation(TROUBLE), asked=asked))
    assert bad.index("What to do") < bad.index("What has happened")
    assert "What has happened" not in printed(QUIET)
