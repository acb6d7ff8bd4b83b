"""Severities, owners and lists in words; figures.py has the figures."""

from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple

from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.figures import duration, percent
from tcp_pressure_exporter.findings.kinds import Severity
from tcp_pressure_exporter.pools.listing import OwnerCount, SeenOwner
from tcp_pressure_exporter.sample.close_wait import RemoteCount

UNKNOWN = "unknown"
LATER = "later"
TOLD_BY_EXPORTER = "(by the exporter)"


class Labelled(NamedTuple):
    """Words with a label that says what they are."""

    label: str
    words: str


def severity_word(severity: Severity) -> str:
    """Return "calm", "warning" or "critical"."""
    return severity.name.lower()


def urgency(severity: Severity) -> str:
    """Say how soon something must be done; what is calm can wait."""
    return LATER if severity is Severity.CALM else severity_word(severity)


def capitalised(words: str) -> str:
    """Begin with a capital letter, leaving later capitals alone."""
    return words[:1].upper() + words[1:]


def owner_name(owner: Owner) -> str:
    """Write an owner as `service (process)`, "" where nothing is known."""
    service, process = owner
    return f"{service} ({process})" if service and process else service or process


def owner_words(count: OwnerCount) -> str:
    """Write an owner as `service (process) sockets`."""
    return f"{owner_name(count.owner)} {count.sockets:,}"


def seen_words(one: SeenOwner) -> str:
    """Write an owner seen now or a while ago, or known only from refusals."""
    name = owner_name(one.owner)
    if one.sockets:
        said = f"{name} {one.sockets:,}"
    elif one.refused:
        said = f"{name} {one.refused:,} refused"
    elif one.closed and not one.met:
        said = f"{name} {one.closed:,} closed"
    else:
        said = f"{name} last seen {duration(one.seconds_ago)} ago"
    return f"{said} {TOLD_BY_EXPORTER}" if one.told_by else said


def closer_words(one: SeenOwner) -> str:
    """Write an owner that closed first, with its share of all such closes."""
    said = f"{owner_name(one.owner)} {percent(one.closed_share or 0)}"
    return f"{said} {TOLD_BY_EXPORTER}" if one.told_by else said


def owners_words(owners: Iterable[OwnerCount]) -> str:
    """List owners, each with its number of sockets."""
    return ", ".join(map(owner_words, owners))


def remotes_words(remotes: Iterable[RemoteCount]) -> str:
    """List remotes, each with the number of sockets connected to it."""
    return ", ".join(f"{remote} {sockets:,}" for remote, sockets in remotes)


def last_hour(known: Sequence[float], value: Callable[[float], str]) -> str:
    """Sum up the values of the last hour, at least one; `value` writes one of them."""
    return f"last hour: from {value(known[0])} to {value(known[-1])}, peak {value(max(known))}"
