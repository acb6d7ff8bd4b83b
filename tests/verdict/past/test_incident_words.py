"""Incidents in words."""

from dataclasses import replace

from tcp_pressure_exporter.verdict.past.incident_words import IncidentWords, past_words
from tcp_pressure_exporter.verdict.past.incidents import IncidentMemory
from tcp_pressure_exporter.verdict.past.sightings import Involved
from tests.verdict.past.test_incidents import EPOCH, NGINX, every, look, memory, sighting

DAY = 86_400.0


def told(known: IncidentMemory, now: float, *, current: bool = True) -> IncidentWords:
    (one,) = past_words(known, EPOCH + now, 5, current=current).incidents
    return one


def line(known: IncidentMemory, now: float, *, current: bool = True) -> str:
    return past_words(known, EPOCH + now, 5, current=current).line


def test_nothing() -> None:
    """If nothing was critical, the words say since when that is known."""
    known = memory(look(0))
    assert (
        line(known, 7300)
        == "Nothing has been critical since this exporter started watching 2 h ago."
    )
    assert line(IncidentMemory(), 0) == "Nothing is known yet."


def test_what_goes_on() -> None:
    """An incident goes on while it is critical in the current sample."""
    known = memory(*(look(now, sighting()) for now in every(5, 0, 300)))
    assert told(known, 300).when == "Since 18:19:00 UTC, for 5 min"
    assert line(known, 300).endswith("1 still going on.")
    before = told(known, 330, current=False).when
    assert before == "From 18:19:00 to 18:24:00 UTC, last seen 30 s ago"
    assert line(known, 330, current=False).endswith("None is going on now.")


def test_more_than_are_kept() -> None:
    """If there may have been more, these are called the last ones."""
    known = memory(*(look(1000.0 * n, sighting(("outbound", str(n)))) for n in range(33)))
    assert line(known, 33_000).startswith("The last 32 incidents since this exporter started")


def test_another_day() -> None:
    """A time on another day has its date."""
    known = memory(look(0, sighting()), look(5))
    assert told(known, DAY).when == (
        "From 2026-11-20 18:19:00 to 2026-11-20 18:19:00 UTC, ended 24 h ago"
    )


def test_owners() -> None:
    """An owner is shown with its refused calls, else with its closes, else with its sockets."""
    facts = []
    for one in (Involved(NGINX, 7, 20, 3), Involved(NGINX, 0, 20, 3), Involved(NGINX, 0, 0, 3)):
        alone = sighting()._replace(owners=(one,))
        facts.append(told(memory(look(0, alone)), 0).facts[1])
    assert facts == [
        "nginx.service (nginx) 7",
        "nginx.service (nginx) closed 20 first in a minute",
        "nginx.service (nginx) with 3 sockets",
    ]


def test_another_namespace() -> None:
    """An incident outside the exporter's own network namespace names its namespace."""
    known = memory(look(0, sighting(), netns="web"))
    assert "network namespace web" in told(known, 0).facts
    own = replace(known, own="web")
    assert "network namespace web" not in told(own, 0).facts


def test_waves_and_gaps() -> None:
    """Waves, and the time that was not observed, are shown."""
    waves = (look(0, sighting()), look(5), look(40), look(60, sighting()), look(200, sighting()))
    one = told(memory(*waves), 200)
    assert one.facts[0] == "2 waves"
    assert one.facts[-1] == "no sample for 2 min of it"
    assert [minute and minute.time for minute in one.minutes] == ["18:19", "18:20", None, "18:22"]
