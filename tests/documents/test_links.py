"""Every Markdown file in the repository: links, anchors, and whether the index leads to it."""

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from tests.support.places import DOCS, ROOT

LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)\s]+))?\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
LISTED = subprocess.run(
    ["git", "ls-files", "--cached", "--others", "--exclude-standard", "*.md"],
    cwd=ROOT,
    capture_output=True,
    text=True,
    check=True,
).stdout.split()
FILES = [ROOT / name for name in LISTED if (ROOT / name).is_file()]


@cache
def prose(path: Path) -> str:
    """Return the text without its code blocks."""
    return FENCE.sub("", path.read_text())


@cache
def anchors(path: Path) -> set[str]:
    """Return GitHub's anchors of the headings: letters, digits, - and _; repeated ones numbered."""
    found: dict[str, int] = {}
    for title in HEADING.findall(prose(path)):
        words = re.sub(r"\]\([^)]*\)", "", title)
        name = re.sub(r"[^\w -]", "", words).lower().replace(" ", "-")
        found[name] = found.get(name, -1) + 1
    return {f"{name}-{n}" if n else name for name, most in found.items() for n in range(most + 1)}


def targets(path: Path) -> Iterator[tuple[Path, str]]:
    """Yield the file and the anchor that each relative link leads to."""
    for target, anchor in LINK.findall(prose(path)):
        yield (path.parent / target).resolve() if target else path, anchor


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_each_link_leads_somewhere(path: Path) -> None:
    """Files exist, and so do the headings in them."""
    for target, anchor in targets(path):
        assert target.exists(), target
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{target.relative_to(ROOT)}#{anchor}"


def test_the_index_leads_to_every_document() -> None:
    """Everything in docs/ is one step from docs/index.md; runbooks are reached from the alerts."""
    reached = {target for target, _anchor in targets(DOCS / "index.md")}
    assert {*DOCS.glob("*.md")} - {DOCS / "index.md"} <= reached
    from_alerts = {target for target, _anchor in targets(DOCS / "alerts.md")}
    assert {*DOCS.glob("runbooks/*.md")} <= from_alerts
