"""Documents as whole pages."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from tcp_pressure_exporter.pages.docs.markdown import render


class DocumentTemplate:
    """The compiled template.

    styles, icon: the paths of style sheets and of an icon, below the exporter's root.
    """

    def __init__(self, styles: Sequence[str], icon: str) -> None:
        self._styles = styles
        self._icon = icon
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).with_name("templates")),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._template = environment.get_template("document.html")

    def document(self, text: str, path: str, shipped: Sequence[str]) -> bytes:
        """Return the page of a document in Markdown at this path below docs/."""
        rendered = render(text, path, shipped)
        return self._page(path, rendered.title, body=rendered.html)

    def index(self, listed: Mapping[str, Mapping[str, str]]) -> bytes:
        """Return the list of documents: under each heading, their titles by path."""
        return self._page("", "Documents", listed=listed)

    def _page(
        self,
        path: str,
        title: str,
        body: str | None = None,
        listed: Mapping[str, Mapping[str, str]] | None = None,
    ) -> bytes:
        """Return a page whose links also work below a reverse proxy's prefix."""
        index = "../" * path.count("/")
        root = f"../{index}"
        return self._template.render(
            title=title,
            body=body,
            listed=listed,
            index=index or "./",
            status=root,
            styles=[root + style.removeprefix("/") for style in self._styles],
            icon=root + self._icon.removeprefix("/"),
        ).encode()
