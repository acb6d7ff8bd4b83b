"""The document of what has happened is what its schema says, and never larger than 1 MB."""

import json
from dataclasses import replace
from itertools import count
from typing import Any

import fastjsonschema
import pytest

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.pages.json_documents.incidents import incidents_json
from tcp_pressure_exporter.pages.json_documents.status import status_json
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.verdict.past.incidents import IncidentMemory
from tcp_pressure_exporter.verdict.past.looks import (
    LONGEST_NAME,
    LONGEST_SENTENCE,
    LONGEST_TITLE,
)
from tcp_pressure_exporter.verdict.past.minutes import Figures, States
from tcp_pressure_exporter.verdict.past.sightings import Look, NamespaceLook
from tests.pages.status.snapshots import CALM_HOST, snapshot
from tests.support.places import DOCS
from tests.verdict.past.test_incidents import EPOCH, NGINX, POOL, every, look, memory, sighting

SCHEMA = json.loads((DOCS / "incidents.schema.json").read_text())
MAX_BYTES = 2**20
WIDE = "\U0010fffe"  # no character in a name takes more bytes
HUGE = 2**40


def document(known: Snapshot) -> Any:
    """Return the document after its schema has accepted it."""
    found = json.loads(incidents_json(known))
    fastjsonschema.compile(SCHEMA)(found)
    return found


def of(past: IncidentMemory) -> Snapshot:
    return replace(snapshot(CALM_HOST), incidents=past)


def test_an_incident() -> None:
    """It has begin, end, peak, refused calls, owners and its minutes, gaps among them."""
    past = memory(
        *(look(now, used=500) for now in every(5, 0, 55)),
        *(look(now, sighting(refused=7), used=980) for now in every(5, 60, 115)),
        *(look(now, used=300) for now in every(5, 300, 320)),
    )
    found = document(of(past))
    assert (found["since"], found["left_out"]) == ("2026-11-20T18:19:00Z", 0)
    (one,) = found["incidents"]
    assert (one["id"], one["netns"], one["title"]) == (1, "host", " ".join(POOL))
    assert (one["began"], one["last_critical"]) == ("2026-11-20T18:20:00Z", "2026-11-20T18:20:55Z")
    assert (one["goes_on"], one["over"], one["waves"], one["refused"]) == (False, False, 1, 84)
    assert one["peak"] == {
        "time": "2026-11-20T18:20:00Z",
        "used": 980,
        "limit": 1000,
        "ratio": 0.98,
    }
    assert one["owners"] == [
        {
            "service": "nginx.service",
            "process": "nginx",
            "refused": 84,
            "closed_per_minute": 20,
            "sockets": 3,
        }
    ]
    assert one["unseen_seconds"] == 300 - 115 - 15
    before, during, gap, after = one["minutes"]
    assert gap is None
    assert (before["refused"], during["refused"], after["refused"]) == (0, 84, 0)
    assert (before["critical"], during["critical"], after["critical"]) == (False, True, False)
    assert during["resource"] == {
        "used": 980,
        "limit": 1000,
        "ratio": 0.98,
        "time_wait": 980,
        "closes_per_second": 10.0,
        "seconds_left": 30.0,
    }
    assert (during["time"], during["samples"]) == ("2026-11-20T18:20:00Z", 12)


def test_the_status_document_lists_them() -> None:
    """The status document has the same, with a line for people instead of the minutes."""
    past = memory(look(0, sighting(refused=3)))
    (one,) = document(of(past))["incidents"]
    del one["minutes"]
    status = json.loads(status_json(of(past)))
    fastjsonschema.compile(json.loads((DOCS / "status.schema.json").read_text()))(status)
    (summary,) = status["incidents"]
    assert summary.pop("words") == (
        "Since 18:19:00 UTC, for under 1 s: 95%, refused 3. Peak 95 % full; 3 calls refused for"
        " lack of a port; nginx.service (nginx) 3."
    )
    assert summary == one
    assert one["goes_on"]


def test_nothing_stale() -> None:
    """Without a current sample, nothing is said to be still going on."""
    past = memory(look(0, sighting(refused=3)))
    found = document(replace(of(past), current=False))
    assert (found["current"], found["incidents"][0]["goes_on"]) == (False, False)


def test_before_the_first_sample() -> None:
    """Before the first sample nothing has happened, and there is no time since when."""
    found = document(replace(snapshot(), sample=None, current=False))
    assert (found["time"], found["since"], found["incidents"]) == (None, None, [])


def worst_case(text: str) -> IncidentMemory:
    """Return 32 incidents, each a long one with a gap for each minute, and names like this."""
    figures = Figures(HUGE, HUGE, 1 / 3, HUGE, 1e9 / 3, 1e5 / 3)
    states = States(HUGE, HUGE, HUGE, HUGE)
    past, number = IncidentMemory(), count()
    name, who = text[:1] * LONGEST_NAME, NGINX
    for group in range(4):
        parts = [("outbound", f"{group} {n}") for n in range(8)]
        for minute in range(0, 200, 2):
            who = Owner(name, name[:-3] + f"{next(number) % 5:03}")
            critical = tuple(
                sighting(part, refused=HUGE, owner=who)._replace(
                    title=text[:1] * LONGEST_TITLE, sentence=text[:1] * LONGEST_SENTENCE
                )
                for part in parts
            )
            now = group * 20_000.0 + minute * 60.0
            seen = NamespaceLook(name, critical, dict.fromkeys(parts, figures), states)
            past = past.after(Look(now, EPOCH + now, 15.0, name, (seen,)))
    return past


@pytest.mark.parametrize("text", [WIDE, "\x1b", "\udc80", "→", "a"])
def test_it_is_bounded(text: str) -> None:
    """Whatever the traffic and names, the document has at most 32 incidents and 1 MiB."""
    past = worst_case(text)
    body = incidents_json(of(past))
    assert len(past.listed) == 32
    assert max(len(one.minutes) for one in past.listed) > 35
    assert len(body) < MAX_BYTES
    document(of(past))
    assert body.isascii()
