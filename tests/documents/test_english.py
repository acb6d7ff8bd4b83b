"""Words that documents avoid: what a native engineer would not write in a runbook."""

import re
from pathlib import Path

import pytest

from tests.documents.test_links import FILES, prose
from tests.support.places import ROOT

# What is not written, and what is written instead.
VOCABULARY = {
    r"\bshall\b": "must, or should",
    r"\bto be had\b": "available",
    r"\b(?:would|will) else\b": "would otherwise",
    r"(?:^|[.:] )Else\b": "Otherwise",
    r"\ban advice\b|\badvices\b": "a piece of advice",
    r"\bfor ever\b(?! [a-z]+ \w+s\b)": "forever",
    r"\banew\b": "again",
    r"\bin the place of\b": "instead of",
    r"\bbe rid of\b": "get rid of",
    r"\b(?:pool|address|port|query|queries|host)s? more\b": "one more pool",
    r"\b[Mm]end(?:ed|s)?\b": "fix",
    r"\bat least so \w+\b": "at least that",
    r"\bmakes dear\b|\bdear\b": "expensive",
    r"\bbelongs? into\b": "belongs in",
    r"\bso many of them as\b": "as many as",
    r"\bhence also\b": "and therefore",
}
DOCUMENTS = [path for path in FILES if path.name != "CHANGELOG.md"]


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_it_reads_as_a_runbook(path: Path) -> None:
    """No word of the list appears in prose; code blocks may quote what programs say."""
    text = prose(path)
    found = {
        match[0].strip(): better
        for pattern, better in VOCABULARY.items()
        for match in re.finditer(pattern, text, re.MULTILINE)
    }
    assert found == {}
