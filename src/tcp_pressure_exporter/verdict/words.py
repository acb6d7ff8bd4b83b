"""Figures, severities, owners and lists in words."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.sample.close_wait import RemoteCount

UNKNOWN = "unknown"
LATER = "later"
TOLD_BY_EXPORTER = "(by the exporter)"
MINUTE, HOUR, DAY = 60, 3600, 86_400
TEN = 9.95  # from which on a number with one digit behind the point has four characters


class Labelled(NamedTuple):
    """Words, and what they are."""

    label: str
    words: str


def severity_word(severity: Severity) -> str:
    """Return "calm", "warning" or "critical"."""
    return severity.name.lower()


def urgency(severity: Severity) -> str:
    """Say how soon something is to be done; what is calm can wait."""
    return LATER if severity is Severity.CALM else severity_word(severity)


def percent(ratio: float) -> str:
    """Write a ratio, rounded down: only what is full is 100 %."""
    return "<1 %" if 0 < ratio < 0.01 else f"{int(ratio * 100)} %"  # noqa: PLR2004 - one per cent


def duration(seconds: float) -> str:
    """Write a duration in its largest unit that is worth two of them, rounded down."""
    for unit, length in (("days", DAY), ("h", HOUR), ("min", MINUTE)):
        if seconds >= 2 * length:
            return f"{int(seconds / length)} {unit}"
    return f"{int(seconds)} s" if seconds >= 1 else "under 1 s"


def short_time(seconds: float) -> str:
    """Write a time of about a millisecond, in two or three digits: 0.09 ms, 1.4 ms, 120 ms."""
    milliseconds = seconds * 1e3
    if milliseconds < 1:
        return f"{milliseconds:.2f} ms"
    return f"{milliseconds:.1f} ms" if milliseconds < TEN else f"{milliseconds:,.0f} ms"


def counted(count: int, noun: str) -> str:
    """Write a number of things, for nouns whose plural is regular."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def capitalised(words: str) -> str:
    """Begin with a capital letter; abbreviations further on keep theirs."""
    return words[:1].upper() + words[1:]


def owner_name(owner: Owner) -> str:
    """Write an owner as `service (process)`, "" where nothing is known."""
    service, process = owner
    return f"{service} ({process})" if service and process else service or process


def owner_words(count: OwnerCount) -> str:
    """Write an owner as `service (process) sockets`."""
    return f"{owner_name(count.owner)} {count.sockets:,}"


def seen_words(one: SeenOwner) -> str:
    """Write an owner that was seen now, or a while ago, or only as one that was refused."""
    name = owner_name(one.owner)
    if one.sockets:
        said = f"{name} {one.sockets:,}"
    elif one.refused:
        said = f"{name}: {one.refused:,} refused"
    else:
        said = f"{name}: last seen {duration(one.seconds_ago)} ago"
    return f"{said} {TOLD_BY_EXPORTER}" if one.told_by else said


def closer_words(one: SeenOwner) -> str:
    """Write who closed first, and its share of all that did."""
    said = f"{owner_name(one.owner)} {percent(one.closed_share or 0)}"
    return f"{said} {TOLD_BY_EXPORTER}" if one.told_by else said


def owners_words(owners: Iterable[OwnerCount]) -> str:
    """List owners, each with its sockets."""
    return ", ".join(map(owner_words, owners))


def remotes_words(remotes: Iterable[RemoteCount]) -> str:
    """List remotes, each with the sockets towards it."""
    return ", ".join(f"{remote} {sockets:,}" for remote, sockets in remotes)


def last_hour(known: Sequence[float], value: Callable[[float], str]) -> str:
    """Sum up the values of the last hour, at least one; `value` writes one of them."""
    return f"last hour: from {value(known[0])} to {value(known[-1])}, at most {value(max(known))}"
