"""The rules that ship with the exporter, as data, and promtool to check them."""

import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from deploy.docs_url import docs_url
from tests.support.labs.prometheus_server import PROMTOOL
from tests.support.places import ROOT

FOLDER = ROOT / "deploy" / "prometheus"
RULES = sorted(FOLDER.glob("rules/*.yml"))
UNIT_TESTS = sorted(FOLDER.glob("tests/*.yml"))

Rule = dict[str, Any]


def groups() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield each group of rules, with its file."""
    for path in RULES:
        for group in yaml.safe_load(path.read_text())["groups"]:
            yield path, group


def rules() -> Iterator[tuple[Path, Rule]]:
    """Yield each rule, with its file."""
    for path, group in groups():
        for rule in group["rules"]:
            yield path, rule


@cache
def alerts() -> dict[str, Rule]:
    """Return the alerts by name."""
    return {rule["alert"]: rule for _path, rule in rules() if "alert" in rule}


def runbook(rule: Rule) -> str:
    """Return the runbook section that an alert links to, by its path in this repository."""
    url: str = rule["annotations"]["runbook_url"]
    return f"docs{url.removeprefix(docs_url())}"


def promtool(*arguments: str, folder: Path = FOLDER) -> None:
    """Run promtool in a folder; fail with its output if it finds a fault."""
    run = subprocess.run(
        [PROMTOOL, *arguments], cwd=folder, capture_output=True, text=True, check=False
    )
    assert run.returncode == 0, run.stdout + run.stderr
