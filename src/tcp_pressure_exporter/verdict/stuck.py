"""The sockets in CLOSE_WAIT in words: by cause, and their owners."""

from typing import NamedTuple

from tcp_pressure_exporter.figures import counted, duration
from tcp_pressure_exporter.findings.close_wait import close_wait_row
from tcp_pressure_exporter.sample.close_wait import CloseWait
from tcp_pressure_exporter.sample.leaks import Leak
from tcp_pressure_exporter.verdict.assessment import Assessment, Stuck
from tcp_pressure_exporter.verdict.words import (
    Labelled,
    owner_name,
    owners_words,
    remotes_words,
    severity_word,
)


class CauseWords(NamedTuple):
    """The sockets with one cause. oldest: its minimum age. urgent: whether they are not calm."""

    cause: str
    sockets: str
    oldest: str
    urgent: bool
    severity: str


class StuckWords(NamedTuple):
    """All sockets in CLOSE_WAIT, and their owners; None where none is known.

    leaks: who leaks them, and when descriptors run out; "" for nobody. urgent: whether not all
    causes are calm. meaning: what CLOSE_WAIT means.
    """

    urgent: bool
    causes: tuple[CauseWords, ...]
    owners: Labelled | None
    remotes: Labelled | None
    leaks: str = ""
    meaning: str = "CLOSE_WAIT: the peer has closed, this end has not"

    @property
    def totals(self) -> str:
        """All of them in a few words."""
        return "; ".join(f"{one.sockets} {one.cause}" for one in self.causes)


def stuck_words(assessment: Assessment) -> StuckWords | None:
    """Return the sockets in CLOSE_WAIT, None where they are not known."""
    waiting = assessment.close_wait
    if waiting is None:
        return None
    return StuckWords(
        urgent=any(stuck.urgent for stuck in assessment.stuck),
        causes=tuple(map(_cause, assessment.stuck)),
        owners=_owners(waiting),
        remotes=_remotes(waiting),
        leaks=". ".join(map(leak_words, waiting.leaks)),
    )


def stuck_subject(stuck: Stuck) -> str:
    """Name the sockets in CLOSE_WAIT with one cause."""
    return f"CLOSE_WAIT ({_words(stuck)})"


def _words(stuck: Stuck) -> str:
    return close_wait_row(stuck.cause, stuck.sockets, stuck.never_accepted).words


def _cause(stuck: Stuck) -> CauseWords:
    return CauseWords(
        cause=_words(stuck),
        sockets=f"{stuck.sockets:,}",
        oldest=_age(stuck.oldest_seconds),
        urgent=stuck.urgent,
        severity=severity_word(stuck.severity),
    )


def _age(least: float) -> str:
    return f"at least {duration(least)}" if least >= 1 else "just seen"


def leak_words(leak: Leak) -> str:
    """Say how fast a process leaks, and when it runs out of descriptors, if known."""
    name = owner_name(leak.owner) or "an unknown process"
    said = f"{name}: {counted(leak.sockets, 'connection')}, +{_rate(leak.growth)}"
    files, left = leak.files, leak.seconds_left
    if files is None or left is None:
        return said
    if left == 0:
        return f"{said}, out of descriptors now ({files.open:,} of {files.limit:,})"
    return (
        f"{said}, out of descriptors in {duration(left)} ({files.open:,} of {files.limit:,} open)"
    )


def _rate(growth: float) -> str:
    for unit, seconds in (("a second", 1.0), ("a minute", 60.0), ("an hour", 3600.0)):
        if growth * seconds >= 1:
            return f"{growth * seconds:,.0f} {unit}"
    return f"{growth * 86_400:,.0f} a day"


def _owners(waiting: CloseWait) -> Labelled | None:
    return Labelled("owners", owners_words(waiting.owners)) if waiting.owners else None


def _remotes(waiting: CloseWait) -> Labelled | None:
    if not waiting.remotes:
        return None
    return Labelled("owner unknown, by remote", remotes_words(waiting.remotes))
