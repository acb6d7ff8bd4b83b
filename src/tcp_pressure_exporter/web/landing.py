"""The page at '/': what this is and where to go from here."""

import base64
import hashlib
from collections.abc import Mapping
from html import escape
from string import Template

from tcp_pressure_exporter.web.message import Response

_STYLE = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 40rem; padding: 0 1rem; }
"""

_PAGE = Template("""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$name</title>
<style>$style</style>
</head>
<body>
<main>
<h1>$name</h1>
<p>How close this host's TCP port pools are to their limits, for Prometheus. Version $version.</p>
<ul>
$links
</ul>
</main>
</body>
</html>
""")


def landing_page(name: str, version: str, links: Mapping[str, str]) -> Response:
    """Make the page once. `links` maps a link's text to its path on this server."""
    page = _PAGE.substitute(
        name=escape(name),
        version=escape(version),
        style=_STYLE,
        links="\n".join(_link(text, path) for text, path in links.items()),
    )
    headers = (
        ("Content-Type", "text/html; charset=utf-8"),
        ("Content-Security-Policy", _policy()),
        ("Referrer-Policy", "no-referrer"),
        ("X-Frame-Options", "DENY"),
    )
    return Response(200, page.encode(), headers)


def _link(text: str, path: str) -> str:
    # Relative, so that the page also works below a prefix of a reverse proxy.
    return f'<li><a href="{escape(path.removeprefix("/"))}">{escape(text)}</a></li>'


def _policy() -> str:
    digest = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    return (
        f"default-src 'none'; style-src 'sha256-{digest}'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
