"""Values of flags and labels: each parser takes the text and raises ValueError with the reason."""

import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

MILLISECONDS = {"h": 3_600_000, "m": 60_000, "s": 1000, "ms": 1}
DURATION = re.compile(
    r"(?P<sign>-?)(?=[0-9])"
    r"((?P<h>[0-9]{1,9})h)?((?P<m>[0-9]{1,9})m)?((?P<s>[0-9]{1,9})s)?((?P<ms>[0-9]{1,9})ms)?"
)


def parse_duration(text: str) -> float:
    """Return the seconds of a duration such as 500ms, 5s or 1m30s; -1s is negative.

    The units are h, m, s and ms, each at most once and in this order, with whole numbers
    (prometheus/common, model.ParseDuration, without days, weeks and years). Raises ValueError.
    """
    match = DURATION.fullmatch(text)
    if match is None:
        raise ValueError("must be a duration such as 500ms, 5s or 1m30s")
    milliseconds = sum(int(match[unit] or 0) * factor for unit, factor in MILLISECONDS.items())
    return (-milliseconds if match["sign"] else milliseconds) / 1000


LABEL_VALUE = re.compile(r"[A-Za-z0-9._-]{1,63}")


def parse_label(text: str) -> str:
    """Return the text if it is safe as a label value in any tool. Raises ValueError."""
    if LABEL_VALUE.fullmatch(text) is None:
        raise ValueError('must be 1 to 63 letters, digits, ".", "_" or "-"')
    return text


MIN_INTERVAL = 0.1  # seconds
MAX_INTERVAL = 600.0


def parse_integer(text: str, *, low: int, high: int) -> int:
    """Return a decimal integer from low to high."""
    if not re.fullmatch("[0-9]{1,9}", text) or not low <= int(text) <= high:
        raise ValueError(f"must be an integer from {low} to {high}")
    return int(text)


def parse_share(text: str) -> float:
    """Return a share: above 0, at most 1."""
    if not re.fullmatch(r"[0-9]{0,9}\.?[0-9]{1,9}", text) or not 0 < float(text) <= 1:
        raise ValueError("must be a number above 0 and at most 1")
    return float(text)


def parse_interval(text: str) -> float:
    """Return the seconds of a sampling interval: 100 ms to 10 minutes."""
    seconds = parse_duration(text)
    if seconds <= 0:
        raise ValueError("must be above 0")
    if not MIN_INTERVAL <= seconds <= MAX_INTERVAL:
        raise ValueError("must be from 100ms to 10m")
    return seconds


PLAIN_SECONDS = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,3}))?")


def parse_pause(text: str) -> float:
    """Return the seconds between two reports; a bare number is seconds, as in watch(1)."""
    if plain := PLAIN_SECONDS.fullmatch(text):
        whole, thousandths = plain[1], (plain[2] or "").ljust(3, "0")
        return parse_interval(f"{whole}s{thousandths}ms")
    return parse_interval(text)


def parse_pattern(text: str) -> re.Pattern[str]:
    """Return a regular expression that Python compiles without a warning."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            return re.compile(text)
    except (re.error, OverflowError, RecursionError, Warning) as error:
        raise ValueError(f"must be a regular expression: {error}") from error


def parse_choice(text: str, *, choices: Sequence[str]) -> str:
    """Return the text if it is one of the choices."""
    if text not in choices:
        raise ValueError(f"must be one of {', '.join(choices)}")
    return text


def parse_path(text: str) -> Path:
    """Return a path, which may not be empty: Path("") is the working directory."""
    if not text:
        raise ValueError("must not be empty")
    return Path(text)


LEVELS = ("debug", "info", "warn", "error")
SOURCES = ("auto", "netlink", "bpf")
FORMATS = ("auto", "console", "logfmt", "json")

NONE = "none"
LONGEST_URL = 2_048  # characters
PORTS = {"http": 80, "https": 443}


class ExporterUrl(NamedTuple):
    """Where an exporter answers. path: the prefix of its own paths, "" or /PREFIX."""

    text: str
    secure: bool
    host: str
    port: int
    path: str


THIS_HOST = ExporterUrl(
    "http://127.0.0.1:10190", secure=False, host="127.0.0.1", port=10190, path=""
)


def parse_exporter(text: str) -> ExporterUrl | None:
    """Return where an exporter answers, None for "none". Raises ValueError."""
    if text == NONE:
        return None
    wrong = ValueError('must be "none" or http://HOST:PORT, or https')
    try:
        parts = urlsplit(text)
        port = parts.port or PORTS[parts.scheme]
    except (ValueError, KeyError):
        raise wrong from None
    plain = text.isascii() and text.isprintable() and " " not in text and len(text) <= LONGEST_URL
    more = parts.query or parts.fragment or "@" in parts.netloc
    if not plain or not parts.hostname or more:
        raise wrong
    path = parts.path.rstrip("/")
    return ExporterUrl(text, parts.scheme == "https", parts.hostname, port, path)
