"""Headers that tell browsers to do nothing with an answer but show it."""

from collections.abc import Mapping
from dataclasses import replace

from tcp_pressure_exporter.web.message import Response

_DEFAULTS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
}


def secured(response: Response, configured: Mapping[str, str]) -> Response:
    """Add the headers. The page's own go before the defaults, configured ones before both.

    A header that is configured as empty is left out.
    """
    own = {name.lower() for name, _ in response.headers}
    defaults = {name: text for name, text in _DEFAULTS.items() if name.lower() not in own}
    overridden = {name.lower() for name in configured}
    kept = [
        (name, text)
        for name, text in (*response.headers, *defaults.items())
        if name.lower() not in overridden
    ]
    added = [(name, text) for name, text in configured.items() if text]
    return replace(response, headers=(*kept, *added))
