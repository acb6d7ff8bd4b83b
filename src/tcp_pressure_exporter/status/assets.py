"""The page's own files: each has a hash of its content in its path, so that it may be kept."""

from hashlib import sha256
from pathlib import Path
from typing import NamedTuple

FOLDER = "/static/"
_FILES = {
    "status.css": "text/css; charset=utf-8",
    "status.js": "text/javascript; charset=utf-8",
    "icon.svg": "image/svg+xml",
}
_HASH_DIGITS = 12


class Asset(NamedTuple):
    """A file that never changes under its path."""

    path: str
    content_type: str
    body: bytes


def load_assets() -> dict[str, Asset]:
    """Read the files, by their names; raises OSError where the installation is broken."""
    source = Path(__file__).with_name("static")
    return {name: _asset(source / name, kind) for name, kind in _FILES.items()}


def _asset(file: Path, content_type: str) -> Asset:
    body = file.read_bytes()
    digest = sha256(body).hexdigest()[:_HASH_DIGITS]
    return Asset(f"{FOLDER}{file.stem}.{digest}{file.suffix}", content_type, body)
