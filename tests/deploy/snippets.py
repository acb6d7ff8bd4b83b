"""The snippets of a document, by the name in the first line of each."""

import re
from functools import cache

from tests.support.places import DOCS

BLOCK = re.compile(r"^```\w+\n(?:#|//) (\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@cache
def snippets(page: str) -> dict[str, str]:
    """Return the texts by name, without their first lines."""
    found = BLOCK.findall((DOCS / page).read_text())
    assert len(dict(found)) == len(found)
    return dict(found)
