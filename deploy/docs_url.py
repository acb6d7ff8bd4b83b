"""Where the documents can be read: the one address that rules, manifests and dashboards link to.

The placeholder is in pyproject.toml. DOCS_URL in the environment replaces it, which is how `make
dashboards manifests DOCS_URL=https://...` sets it.
"""

import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[1]
# A runbook's section, or the findings, with whatever address precedes them.
DOCUMENT = re.compile(r"[^\s\"]*?\b(runbooks/\w+\.md#\w+|findings\.md#)")


def docs_url() -> str:
    """Return the address of docs/, without a trailing slash."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return (os.environ.get("DOCS_URL") or str(project["urls"]["Documentation"])).rstrip("/")


def with_links(text: str, docs_url: str) -> str:
    """Return the text of rules or their tests with each document's link below the address."""
    return DOCUMENT.sub(lambda found: f"{docs_url}/{found[1]}", text)
