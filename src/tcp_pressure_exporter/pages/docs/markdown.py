"""A document's Markdown as HTML, with linkable headings named as on GitHub.

A link to anything not shipped (code, rules, pictures) becomes plain text.
"""

import re
from collections.abc import Container, Iterator, Sequence
from itertools import pairwise
from posixpath import dirname, join, normpath
from typing import NamedTuple
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.token import Token

_COMMENT = re.compile(r"<!--.*?-->\n?", re.DOTALL)  # marks around generated parts of a document
_NO_PART_OF_AN_ANCHOR = re.compile(r"[^\w -]")


REACHED: dict[str, str | int | float] = {"tabindex": "0"}  # by keyboard, for scrolling


class Rendered(NamedTuple):
    """A document: its first heading, and its HTML."""

    title: str
    html: str


def render(text: str, path: str, shipped: Container[str]) -> Rendered:
    """Return a document as HTML.

    path: its path below docs/, to which its links are relative. shipped: the paths of all
    documents.
    """
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table")
    tokens = markdown.parse(_COMMENT.sub("", text))
    for token in tokens:
        token.children = [*_kept(token.children or (), path, shipped)]
    _name_headings(tokens)
    html = markdown.renderer.render([*_scrolled(tokens)], markdown.options, {})
    return Rendered(title_of(text), html)


def title_of(text: str) -> str:
    """Return a document's first heading."""
    return text.partition("\n")[0].removeprefix("# ")


def _kept(children: Sequence[Token], path: str, shipped: Container[str]) -> Iterator[Token]:
    """Yield inline content without pictures, and without links that would lead nowhere."""
    dead = False
    for token in children:
        if token.type == "image":
            yield Token("text", "", 0, content=f"({token.content})")
        elif token.type == "link_open":
            dead = not _leads_somewhere(str(token.attrs["href"]), path, shipped)
            if not dead:
                yield token
        elif token.type != "link_close" or not dead:
            yield token


def _leads_somewhere(target: str, path: str, shipped: Container[str]) -> bool:
    url = urlsplit(target)
    if url.scheme or not url.path:
        return True
    return normpath(join(dirname(path), url.path)) in shipped


def _name_headings(tokens: Sequence[Token]) -> None:
    taken: dict[str, int] = {}
    for token, inside in pairwise(tokens):
        if token.type == "heading_open":
            name = anchor("".join(part.content for part in inside.children or ()))
            taken[name] = taken.get(name, -1) + 1
            token.attrs["id"] = f"{name}-{taken[name]}" if taken[name] else name


def anchor(heading: str) -> str:
    """Return GitHub's anchor for a heading."""
    return _NO_PART_OF_AN_ANCHOR.sub("", heading).lower().replace(" ", "-")


def _scrolled(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens, with tables and blocks of code that can be scrolled by keyboard if wide."""
    for token in tokens:
        if token.type == "table_open":
            yield Token("div_open", "div", 1, block=True, attrs={"class": "scroll", **REACHED})
        if token.type == "fence":
            token.attrs.update(REACHED)
        yield token
        if token.type == "table_close":
            yield Token("div_close", "div", -1, block=True)
