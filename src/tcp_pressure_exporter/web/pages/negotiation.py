"""What the client accepts: exposition format and gzip (RFC 9110 section 12.5)."""

import gzip
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from prometheus_client.exposition import generate_latest
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

GZIP = ("Content-Encoding", "gzip")
# Takes half as long as the default level 9, for a page a few per cent larger.
_GZIP_LEVEL = 6
_QUALITY = re.compile(r"0(\.[0-9]{0,3})?|1(\.0{0,3})?")


@dataclass(frozen=True, slots=True)
class Format:
    """An exposition format: its content type and the function that writes it."""

    content_type: str
    generate: Callable[[Collector], bytes]


CLASSIC = Format("text/plain; version=0.0.4; charset=utf-8", generate_latest)
OPENMETRICS = Format(
    "application/openmetrics-text; version=1.0.0; charset=utf-8", openmetrics.generate_latest
)


def choose_format(accept: str) -> Format:
    """Return OpenMetrics if the client names it and rates it no lower than text, else text.

    prometheus_client's own choice ignores q, and echoes the client's version in the answer.
    """
    text = wanted = 0.0
    for media_type, parameters, quality in _entries(accept):
        if media_type in {"text/plain", "text/*", "*/*"}:
            text = max(text, quality)
        elif media_type == "application/openmetrics-text" and _is_version_1(parameters):
            wanted = max(wanted, quality)
    return OPENMETRICS if 0 < wanted >= text else CLASSIC


def gzip_accepted(accept_encoding: str) -> bool:
    """Whether gzip is named with q > 0, or not named but covered by '*'."""
    qualities = {coding: quality for coding, _, quality in _entries(accept_encoding)}
    return qualities.get("gzip", qualities.get("*", 0.0)) > 0


def gzipped(body: bytes) -> bytes:
    """Return the body in gzip; the same bytes for the same body."""
    return gzip.compress(body, _GZIP_LEVEL, mtime=0)


def _is_version_1(parameters: dict[str, str]) -> bool:
    return parameters.get("version", "1.0.0") == "1.0.0"


def _entries(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Yield the entries of a header with weights; a malformed weight is 0, a missing one is 1."""
    for entry in header.split(","):
        name, *pairs = (part.strip().lower() for part in entry.split(";"))
        parameters = {key.strip(): value.strip() for key, _, value in map(_pair, pairs)}
        quality = parameters.pop("q", "1")
        yield name, parameters, float(quality) if _QUALITY.fullmatch(quality) else 0.0


def _pair(text: str) -> tuple[str, str, str]:
    return text.partition("=")
