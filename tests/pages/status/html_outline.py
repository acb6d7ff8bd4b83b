"""An HTML page read strictly: every element is closed in order, every id is unique."""

from html.parser import HTMLParser

VOID = {"meta", "link"}
CELLS = {"td", "th"}  # apart on the screen, whatever is between them in the source


class Outline(HTMLParser):
    """The elements, links and text of a page; fails if it is not well formed."""

    def __init__(self, page: bytes) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(page.decode())
        self.close()
        assert not self._open
        ids = [attributes["id"] for _, attributes in self.elements if "id" in attributes]
        assert len(ids) == len(set(ids))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag in CELLS:
            self.text += " "
        if tag not in VOID and not (self.get_starttag_text() or "").endswith("/>"):
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of each element with this name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def ids(self) -> set[str]:
        return {value for _, found in self.elements if (value := found.get("id"))}

    @property
    def words(self) -> str:
        """The text, with white space as single blanks."""
        return " ".join(self.text.split())
