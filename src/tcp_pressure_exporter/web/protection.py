"""What stands between the network and the pages; the web configuration file says it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from tcp_pressure_exporter.web.basic_auth import BasicAuth
from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.rate_limit import TokenBucket
from tcp_pressure_exporter.web.security_headers import secured
from tcp_pressure_exporter.web.tls import TlsServer


@dataclass(frozen=True, slots=True)
class Protection:
    """As a whole replaced by another when the file changes. Without a file there is none of it."""

    tls: TlsServer | None = None
    rate_limit: TokenBucket | None = None
    auth: BasicAuth | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def refusal(self, request: Request) -> Response | None:
        """Return None where the request may see its page, health checks being no exception.

        In exporter-toolkit's order, where the rate limit protects the check of passwords.
        """
        if self.rate_limit and not self.rate_limit.take():
            return text_response(429, "Too many requests.")
        return await self.auth.refusal(request) if self.auth else None

    def dressed(self, response: Response) -> Response:
        """Add the security headers, which every answer has."""
        return secured(response, self.headers)
