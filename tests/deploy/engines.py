"""The snippets of docs/engines.md, by the name that stands in their first line."""

import re

from tests.support.places import ROOT

TEXT = (ROOT / "docs" / "engines.md").read_text()
BLOCK = re.compile(r"^```\w+\n(?:#|//) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def snippet(name: str) -> str:
    """Return the one snippet of that name, without its first line."""
    (text,) = (text for found, text in BLOCK.findall(TEXT) if found == name)
    return str(text)
