"""Incidents in words: since when, how bad, who caused them, and what each minute showed."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, duration, percent
from tcp_pressure_exporter.verdict.past.incidents import MOST, Incident, IncidentMemory
from tcp_pressure_exporter.verdict.past.minutes import Minute, with_gaps
from tcp_pressure_exporter.verdict.past.sightings import Involved
from tcp_pressure_exporter.verdict.words import capitalised, owner_name

MOST_MINUTES = 6  # shown of an incident
MOST_NAMED = 2  # owners


class MinuteWords(NamedTuple):
    """One minute, or several together; "" for anything not known."""

    time: str
    full: str
    used: str
    time_wait: str
    closes: str
    refused: str


class IncidentWords(NamedTuple):
    """One incident. when: since when, or from when to when. facts: a few words each.

    minutes: those around its beginning, None for gaps without a look.
    """

    number: int
    goes_on: bool
    title: str
    when: str
    sentence: str
    facts: tuple[str, ...]
    runbook: str
    minutes: tuple[MinuteWords | None, ...]

    @property
    def line(self) -> str:
        """Everything on one line."""
        return " ".join(filter(None, (f"{self.when}: {self.sentence}", self.summary)))

    @property
    def summary(self) -> str:
        """Return its facts, "" for none."""
        return f"{capitalised('; '.join(self.facts))}." if self.facts else ""


class PastWords(NamedTuple):
    """What has happened, the newest first. line: one sentence for all; rest: what is left out."""

    line: str
    incidents: tuple[IncidentWords, ...]
    rest: str


def past_words(memory: IncidentMemory, now: float, most: int, *, current: bool) -> PastWords:
    """Return at most `most` incidents in words, at the time `now` since the epoch.

    current: whether the newest sample is current, so that what goes on in it still goes on.
    """
    listed = memory.listed
    more = len(listed) - most
    return PastWords(
        line=_line(memory, now, current=current),
        incidents=tuple(_words(one, memory.own, now, current=current) for one in listed[:most]),
        rest=f"and {counted(more, 'earlier incident')}" if more > 0 else "",
    )


def _line(memory: IncidentMemory, now: float, *, current: bool) -> str:
    listed, since = memory.listed, memory.since
    if since is None:
        return "Nothing is known yet."
    watched = f"since this exporter started watching {_ago(now - since.timestamp)}"
    if not listed:
        return f"Nothing has been critical {watched}."
    going = sum(one.goes_on for one in listed) if current else 0
    which = "The last " if len(memory.incidents) >= MOST else ""
    said = f"{which}{counted(len(listed), 'incident')} {watched}"
    return f"{said}; {going:,} still going on." if going else f"{said}. None is going on now."


def _ago(seconds: float) -> str:
    return f"{duration(seconds)} ago" if seconds >= 1 else "just now"


def _words(one: Incident, own: str, now: float, *, current: bool) -> IncidentWords:
    goes_on = one.goes_on and current
    return IncidentWords(
        number=one.number,
        goes_on=goes_on,
        title=capitalised(one.worst.title),
        when=capitalised(_when(one, now, goes_on=goes_on)),
        sentence=one.worst.sentence,
        facts=tuple(_facts(one, own)),
        runbook=one.worst.runbook,
        minutes=tuple(_minutes(one)),
    )


def _when(one: Incident, now: float, *, goes_on: bool) -> str:
    began, last = one.began.timestamp, one.last.timestamp
    if goes_on:
        return f"since {_time(began, now)} UTC, for {duration(last - began)}"
    end = f"{'last seen' if one.calm_since is None else 'ended'} {_ago(max(now - last, 0.0))}"
    return f"from {_time(began, now)} to {_time(last, now)} UTC, {end}"


def _time(timestamp: float, now: float) -> str:
    """Write a time of day, with the date unless it is today."""
    moment, today = (datetime.fromtimestamp(at, UTC) for at in (timestamp, now))
    return f"{moment:%H:%M:%S}" if moment.date() == today.date() else f"{moment:%Y-%m-%d %H:%M:%S}"


def _facts(one: Incident, own: str) -> Iterator[str]:
    if one.waves > 1:
        yield f"{one.waves:,} waves"
    if one.peak:
        yield f"peak {percent(one.peak.figures.ratio)} full"
    if one.refused:
        yield f"{counted(one.refused, 'call')} refused for lack of a port"
    if one.owners:
        yield ", ".join(map(_owner, one.owners[:MOST_NAMED]))
    if one.unseen:
        yield f"no sample for {duration(one.unseen)} of it"
    if one.netns != own:
        yield f"network namespace {one.netns}"


def _owner(one: Involved) -> str:
    name = owner_name(one.owner)
    if one.refused:
        return f"{name} {one.refused:,}"
    if one.closed:
        return f"{name} closed {one.closed:,} first in a minute"
    return f"{name} with {counted(one.sockets, 'socket')}"


def _minutes(one: Incident) -> Iterator[MinuteWords | None]:
    """Yield the minutes around the beginning of an incident, and None for a gap."""
    first = _first(one)
    for minute in with_gaps(one.minutes[first : first + MOST_MINUTES]):
        yield _minute(minute) if minute else None


def _first(one: Incident) -> int:
    before = sum(minute.timestamp < one.began.timestamp for minute in one.minutes)
    return max(before - MOST_MINUTES // 2, 0)


def _minute(minute: Minute) -> MinuteWords:
    figures, states = minute.figures, minute.states
    waiting = figures.time_wait if figures else states.time_wait if states else None
    return MinuteWords(
        time=f"{datetime.fromtimestamp(minute.timestamp, UTC):%H:%M}",
        full=percent(figures.ratio) if figures and figures.limit is not None else "",
        used=f"{figures.used:,}" if figures else "",
        time_wait="" if waiting is None else f"{waiting:,}",
        closes="" if figures is None or figures.closes is None else f"{figures.closes:,.0f}",
        refused=f"{minute.refused:,}" if minute.refused else "",
    )
