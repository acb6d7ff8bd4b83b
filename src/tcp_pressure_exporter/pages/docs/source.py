"""What the web server serves: each document as a page, and the list of all."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tcp_pressure_exporter.pages.docs.template import DocumentTemplate

SHIPPED = Path(__file__).with_name("shipped")
INDEX = ""
RUNBOOKS = "runbooks/"


class DocumentSource:
    """The documents in a folder.

    styles, icon: the paths of style sheets and of an icon, below the exporter's root.
    """

    def __init__(self, styles: Sequence[str], icon: str, folder: Path = SHIPPED) -> None:
        self._styles = styles
        self._icon = icon
        self._folder = folder
        self.names = (INDEX, *_paths(folder))

    def page(self, name: str) -> bytes:
        """Return the document with one of the names, as HTML."""
        if name == INDEX:
            return self._template.index(self._listed())
        return self._template.document((self._folder / name).read_text("utf-8"), name, self.names)

    def _listed(self) -> dict[str, dict[str, str]]:
        """Return, under each heading, the documents' titles by path."""
        titles = {path: self._title(path) for path in self.names if path != INDEX}
        runbooks = {path: titles.pop(path) for path in [*titles] if path.startswith(RUNBOOKS)}
        return {"What to do about an alert": runbooks, "Everything else": titles}

    def _title(self, path: str) -> str:
        with (self._folder / path).open(encoding="utf-8") as document:
            return document.readline().strip().removeprefix("# ")

    @cached_property
    def _template(self) -> "DocumentTemplate":
        # The libraries take memory: load them only when someone reads documents.
        from tcp_pressure_exporter.pages.docs.template import DocumentTemplate  # noqa: PLC0415 - see above

        return DocumentTemplate(self._styles, self._icon)


def _paths(folder: Path) -> list[str]:
    found = [*folder.glob("*.md"), *folder.glob("runbooks/*.md")]
    return sorted(path.relative_to(folder).as_posix() for path in found)
