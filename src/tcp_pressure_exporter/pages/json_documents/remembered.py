"""What a report takes from an exporter's status document: checked, as anyone may answer."""

import json
import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import Any, NoReturn

from tcp_pressure_exporter.facts.kernel import Identity
from tcp_pressure_exporter.facts.sockets import Owner
from tcp_pressure_exporter.findings.kinds import KINDS
from tcp_pressure_exporter.pools.listing import SeenOwner
from tcp_pressure_exporter.verdict.details.remembered import Remembered, Resource

LONGEST_NAME = 300  # characters
LONGEST_LINE = 2_000  # characters, for an incident
MOST_INCIDENTS = 3
MOST_PRESSURES = 1_000
MOST_OWNERS = 8  # for one resource
MOST_SOCKETS = 2**32
MOST_INODES = 2**64
MOST_SECONDS = 3_600.0

NO_DOCUMENT = "its answer is no status document of this exporter's version"


def parse_remembered(body: bytes, url: str) -> Remembered:
    """Return what the document says about the exporter's own network namespace.

    url: where it came from. Raises ValueError with the reason if it is not such a document, or says
    nothing about the present.
    """
    try:
        document = json.loads(body, parse_constant=_refuse)
        current, remembered = document["current"], _remembered(document, url)
    except (ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        raise ValueError(NO_DOCUMENT) from error
    if current is not True:
        raise ValueError("it has no current sample")
    return remembered


def _remembered(document: Mapping[str, Any], url: str) -> Remembered:
    exporter = document["exporter"]
    inode = _whole(exporter["network_namespace"], MOST_INODES)
    own = _text(exporter["netns"] or "")
    owners = {
        resource: owners
        for namespace in _some(document["namespaces"], MOST_PRESSURES)
        if namespace["netns"] == own
        for resource, owners in _pressures(namespace, url)
    }
    incidents = (
        _text(one["words"], LONGEST_LINE)
        for one in _some(document.get("incidents", []), MOST_PRESSURES)
        if one["netns"] == own
    )
    identity = Identity(_text(exporter["boot"]), inode)
    return Remembered(identity, owners, tuple(islice(incidents, MOST_INCIDENTS)))


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)  # NaN and infinities are not JSON (RFC 8259, section 6)


def _pressures(
    namespace: Mapping[str, Any], url: str
) -> Iterator[tuple[Resource, tuple[SeenOwner, ...]]]:
    for pressure in _some(namespace["pressures"], MOST_PRESSURES):
        kind, name = _text(pressure["kind"]), _text(pressure["name"])
        owners = tuple(_owner(one, url) for one in _some(pressure["owners"], MOST_OWNERS))
        if kind in KINDS and owners:
            yield (kind, name), owners


def _owner(one: Mapping[str, Any], url: str) -> SeenOwner:
    return SeenOwner(
        Owner(_text(one["service"]), _text(one["process"])),
        sockets=_whole(one["sockets"], MOST_SOCKETS),
        seconds_ago=_number(one["last_seen_seconds_ago"] or 0, MOST_SECONDS),
        closed=_unless_null(one["closes"], lambda value: _whole(value, MOST_SOCKETS)),
        closed_share=_unless_null(one["closes_share"], lambda value: _number(value, 1.0)),
        refused=_whole(one["refused"], MOST_SOCKETS),
        told_by=url,
    )


def _unless_null(value: Any, check: Callable[[Any], Any]) -> Any:
    return None if value is None else check(value)


def _some(value: Any, most: int) -> list[Any]:
    if not isinstance(value, list) or len(value) > most:
        raise ValueError("no list, or too long")
    return value


def _text(value: Any, most: int = LONGEST_NAME) -> str:
    if not isinstance(value, str) or len(value) > most:
        raise ValueError("no text, or too long")
    return value


def _whole(value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("no number of things")
    return value


def _number(value: Any, most: float) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("no number")  # noqa: TRY004 - as for anything wrong with the document
    if not (math.isfinite(value) and 0 <= value <= most):
        raise ValueError("out of bounds")
    return float(value)
