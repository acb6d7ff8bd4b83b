"""Request and Response: the part of HTTP that handlers see."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address
from urllib.parse import parse_qs, unquote

_ABSOLUTE_FORM = re.compile(r"(?i)\Ahttps?://(?P<authority>[^/?]*)")
# RFC 3986 section 3.2: a name or IPv4 address, or an IPv6 address in brackets, and a port. Some
# clients leave an address's zone inside the brackets (RFC 6874).
_AUTHORITY = re.compile(
    r"(?a)(?:\[(?P<ipv6>[0-9A-Fa-f:.]+)(?:%[\w.~%-]+)?\]"
    r"|(?P<name>(?:[\w.~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})*))(?::[0-9]*)?"
)
_MAX_QUERY_FIELDS = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body has been read and dropped: no page here needs one.

    `path` is in normal form (see `normal_path`). Header names are lower case; repeated headers are
    joined by commas (RFC 9110 section 5.3). `host` is the host that the client means, in normal
    form (see `normal_host`), empty if it did not say. `folder`: whether the path ended in '/',
    which changes where the answer's relative links lead.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    host: str = ""
    folder: bool = False

    def header(self, name: str) -> str:
        """Return the header with this lower-case name; empty if it was not sent."""
        return self.headers.get(name, "")


class InvalidHostError(ValueError):
    """The request's Host is not a host: the answer must be 400 (RFC 9112 section 3.2)."""


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, except for Date, Content-Length and the common security headers."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def text_response(status: int, line: str, *headers: tuple[str, str]) -> Response:
    """Answer with one line of plain text."""
    content_type = ("Content-Type", "text/plain; charset=utf-8")
    return Response(status, f"{line}\n".encode(), (content_type, *headers))


def parse_request(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Request:
    """Build a Request from the parts of a request head (RFC 9112 section 3).

    Raises InvalidHostError, and ValueError if the query has more fields than any page needs.
    """
    text, fields = target.decode("ascii"), _joined(headers)
    absolute = _ABSOLUTE_FORM.match(text)
    # The Host field of a request in absolute form is ignored (RFC 9112 section 3.2.2).
    authority = absolute["authority"] if absolute else fields.get("host", "")
    path, _, query = text[absolute.end() if absolute else 0 :].partition("?")
    return Request(
        method.decode("ascii"),
        normal_path(path),
        parse_qs(query, max_num_fields=_MAX_QUERY_FIELDS),
        fields,
        host=normal_host(authority),
        folder=path.endswith("/"),
    )


def normal_path(path: str) -> str:
    """Percent-decode, and drop empty segments: '//metrics/' and '/%6Detrics' are '/metrics'."""
    return "/" + "/".join(segment for segment in unquote(path).split("/") if segment)


def normal_host(authority: str) -> str:
    """Return the host without its port, with equal hosts as equal texts (RFC 9110 section 7.2).

    A name is in lower case without the root's dot, an IPv6 address as in RFC 5952 without brackets.
    Raises InvalidHostError.
    """
    match = _AUTHORITY.fullmatch(authority)
    if match is None:
        raise InvalidHostError("is no host")
    if match["ipv6"] is None:
        return match["name"].lower().removesuffix(".")
    try:
        return str(IPv6Address(match["ipv6"]))
    except ValueError as error:
        raise InvalidHostError("is no IPv6 address") from error


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
