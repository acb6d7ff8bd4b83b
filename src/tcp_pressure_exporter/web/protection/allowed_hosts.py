"""Which hosts the exporter answers for: its defence against DNS rebinding.

A web page may make its own name resolve to the exporter's address. A browser that shows it then
takes both for one origin and lets its scripts read the exporter's pages. But it still sends the
page's name in Host, which no script can change.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Self

from tcp_pressure_exporter.web.message import Request, Response, normal_host, text_response

_NAME = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9._-]*[A-Za-z0-9_])?\.?")
_IPV6 = re.compile(r"\[?([0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)\]?")


@dataclass(frozen=True, slots=True)
class AllowedHosts:
    """Hosts in normal form (see `normal_host`); without any, the exporter answers for all."""

    hosts: frozenset[str] = frozenset()

    @classmethod
    def parse(cls, texts: Iterable[str]) -> Self:
        """Take names and addresses, without ports. Raises ValueError with a one-line reason."""
        return cls(frozenset(map(_parse_host, texts)))

    def refusal(self, request: Request) -> Response | None:
        """Return None if the exporter answers for the request's host, whatever the port.

        Health checks are no exception. An HTTP/1.0 request without a host is refused too.
        """
        if not self.hosts or request.host in self.hosts:
            return None
        return text_response(421, "This exporter does not serve this host name.")


def _parse_host(text: str) -> str:
    ipv6 = _IPV6.fullmatch(text)
    if ipv6 is None and not _NAME.fullmatch(text):
        raise ValueError(f"must be a name or an address, without a port (got {text!r})")
    try:
        return normal_host(f"[{ipv6[1]}]" if ipv6 else text)
    except ValueError as error:
        raise ValueError(f"{error} (got {text!r})") from error
