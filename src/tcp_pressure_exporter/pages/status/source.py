"""What the web server serves: the page, the same as a document, and the page's own files."""

from collections.abc import Callable, Hashable, Iterable, Mapping
from functools import cached_property
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from tcp_pressure_exporter.pages.json_documents.incidents import incidents_json
from tcp_pressure_exporter.pages.json_documents.status import status_json
from tcp_pressure_exporter.pages.snapshot import Snapshot
from tcp_pressure_exporter.pages.status.page import page_of

if TYPE_CHECKING:
    from tcp_pressure_exporter.pages.status.template import PageTemplate

FOLDER = "/static/"
_FILES = {
    "status.css": "text/css; charset=utf-8",
    "docs.css": "text/css; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_HASH_DIGITS = 12


class Asset(NamedTuple):
    """A file that never changes under its path, which contains a hash of its content."""

    path: str
    content_type: str
    body: bytes


class StatusSource:
    """Makes the pages for the web server.

    links: the other pages' paths, by name.
    """

    def __init__(self, snapshot: Callable[[], Snapshot], links: Mapping[str, str]) -> None:
        self._snapshot = snapshot
        self._assets = load_assets()
        self._links = {name: _relative(path) for name, path in links.items()}

    @property
    def files(self) -> Iterable[Asset]:
        """The files that the page needs."""
        return self._assets.values()

    @property
    def icon(self) -> str:
        """The path of the icon."""
        return self._assets["icon.svg"].path

    @property
    def styles(self) -> list[str]:
        """The paths of the style sheets, in order, including those of the documents."""
        return [asset.path for asset in self._assets.values() if asset.path.endswith(".css")]

    def edition(self) -> Hashable:
        """Return a value that changes whenever the pages may change."""
        seen = self._snapshot()
        started = seen.sample.started if seen.sample else None
        past = seen.incidents.valid_until
        return started, past, seen.current, seen.exporter, seen.settings, seen.runbook_url

    def known(self, netns: str) -> bool:
        """Whether there is a network namespace of this name."""
        sample = self._snapshot().sample
        return sample is not None and any(netns == one.netns for one in sample.namespaces)

    def page(self, netns: str | None) -> bytes:
        """Return the page about a namespace, or about the worst one."""
        return self._template.render(page_of(self._snapshot(), netns))

    def document(self) -> bytes:
        """Return the JSON document."""
        return status_json(self._snapshot())

    def incidents(self) -> bytes:
        """Return the JSON document of what has happened."""
        return incidents_json(self._snapshot())

    @cached_property
    def _template(self) -> "PageTemplate":
        # The template library takes memory: load it only when someone looks at the page.
        from tcp_pressure_exporter.pages.status.template import PageTemplate  # noqa: PLC0415 - see above

        files = {
            "style": self._assets["status.css"],
            "script": self._assets["status.js"],
            "icon": self._assets["icon.svg"],
        }
        paths = {name: _relative(asset.path) for name, asset in files.items()}
        return PageTemplate(self._links | paths)


def load_assets() -> dict[str, Asset]:
    """Read the files, by name; raises OSError if the installation is broken."""
    source = Path(__file__).with_name("static")
    return {name: _asset(source / name, kind) for name, kind in _FILES.items()}


def _asset(file: Path, content_type: str) -> Asset:
    body = file.read_bytes()
    digest = sha256(body).hexdigest()[:_HASH_DIGITS]
    return Asset(f"{FOLDER}{file.stem}.{digest}{file.suffix}", content_type, body)


def _relative(path: str) -> str:
    """Return the path relative to '/': that also works below a reverse proxy's prefix."""
    return path.removeprefix("/")
