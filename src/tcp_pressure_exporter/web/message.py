"""Request and Response: what handlers see of HTTP."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import parse_qs, unquote

_ABSOLUTE_FORM = re.compile(r"(?i)\Ahttps?://[^/?]*")
_MAX_QUERY_FIELDS = 256


@dataclass(frozen=True, slots=True)
class Request:
    """A request whose body has been read and dropped: no page here takes one.

    `path` is in normal form (see `normal_path`). Header names are lower case; a repeated header
    is joined by commas (RFC 9110 section 5.3). `folder`: the path was given with a '/' at its end,
    by which relative links of the answer lead elsewhere.
    """

    method: str
    path: str
    query: Mapping[str, Sequence[str]]
    headers: Mapping[str, str]
    folder: bool = False

    def header(self, name: str) -> str:
        """Value of the header with this lower-case name; empty when it was not sent."""
        return self.headers.get(name, "")


@dataclass(frozen=True, slots=True)
class Response:
    """A whole answer, but for Date, Content-Length and the security headers, which all get."""

    status: int
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


def text_response(status: int, line: str, *headers: tuple[str, str]) -> Response:
    """Answer with one line of plain text."""
    content_type = ("Content-Type", "text/plain; charset=utf-8")
    return Response(status, f"{line}\n".encode(), (content_type, *headers))


def parse_request(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> Request:
    """Build a Request from the parts of a request head (RFC 9112 section 3).

    Raises ValueError when the query has more fields than any page needs.
    """
    origin_form = _ABSOLUTE_FORM.sub("", target.decode("ascii"))
    path, _, query = origin_form.partition("?")
    return Request(
        method.decode("ascii"),
        normal_path(path),
        parse_qs(query, max_num_fields=_MAX_QUERY_FIELDS),
        _joined(headers),
        folder=path.endswith("/"),
    )


def normal_path(path: str) -> str:
    """Percent-decode, and drop empty segments: '//metrics/' and '/%6Detrics' are '/metrics'."""
    return "/" + "/".join(segment for segment in unquote(path).split("/") if segment)


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    joined: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name, value = raw_name.decode("ascii"), raw_value.decode("latin-1")
        joined[name] = f"{joined[name]}, {value}" if name in joined else value
    return joined
