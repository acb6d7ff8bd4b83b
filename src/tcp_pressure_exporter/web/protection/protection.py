"""The checks a request has to pass before its page, and the headers that every answer gets."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tcp_pressure_exporter.web.message import Request, Response, text_response
from tcp_pressure_exporter.web.protection.basic_auth import BasicAuth
from tcp_pressure_exporter.web.protection.tls import TlsServer

_DEFAULT_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


class TokenBucket:
    """Admits `burst` requests at once, and then one every `interval` seconds.

    The same bucket as golang.org/x/time/rate, which exporter-toolkit uses: it starts full, and a
    request that finds it empty is refused rather than delayed.
    """

    def __init__(
        self, interval: float, burst: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._interval = interval
        self._burst = burst
        self._clock = clock
        self._tokens = float(burst)
        self._filled = clock()

    def take(self) -> bool:
        """Take a token; False if there is none."""
        now = self._clock()
        self._tokens = min(self._burst, self._tokens + (now - self._filled) / self._interval)
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


@dataclass(frozen=True, slots=True)
class Protection:
    """Replaced as a whole when the file changes. Without a file there is no protection."""

    tls: TlsServer | None = None
    rate_limit: TokenBucket | None = None
    auth: BasicAuth | None = None
    headers: Mapping[str, str] = field(default_factory=dict)

    async def refusal(self, request: Request) -> Response | None:
        """Return None if the request may see its page; health checks are no exception.

        The order is exporter-toolkit's: the rate limit protects the check of passwords.
        """
        if self.rate_limit and not self.rate_limit.take():
            return text_response(429, "Too many requests.")
        return await self.auth.refusal(request) if self.auth else None

    def dressed(self, response: Response) -> Response:
        """Add the security headers that every answer has."""
        return secured(response, self.headers)


def secured(response: Response, configured: Mapping[str, str]) -> Response:
    """Add the headers. The page's own override the defaults, and configured ones override both.

    A header configured as empty is left out.
    """
    own = {name.lower() for name, _ in response.headers}
    defaults = {name: text for name, text in _DEFAULT_HEADERS.items() if name.lower() not in own}
    overridden = {name.lower() for name in configured}
    kept = [
        (name, text)
        for name, text in (*response.headers, *defaults.items())
        if name.lower() not in overridden
    ]
    added = [(name, text) for name, text in configured.items() if text]
    return replace(response, headers=(*kept, *added))
