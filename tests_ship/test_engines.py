"""Engines other than Debian 12's Prometheus: those that Debian has take what ships."""

import re
import shlex
from pathlib import Path

import pytest

from tests_ship.commands import output
from tests_ship.places import DEPLOY, ROOT, SHIP

RULES = DEPLOY / "prometheus" / "rules"
UNIT_TESTS = sorted((DEPLOY / "prometheus" / "tests").glob("*.yml"))


def commands(section: str) -> dict[str, list[str]]:
    """Return the arguments of each program run in a section of docs/engines.md."""
    text = (ROOT / "docs" / "engines.md").read_text().split(f"\n## {section}\n")[1]
    (block,) = re.findall(r"^```sh\n(.*?)^```$", text.split("\n## ")[0], re.MULTILINE | re.DOTALL)
    lines = [shlex.split(line) for line in block.replace("\\\n", "").splitlines()]
    return {program: arguments for program, *arguments in lines}


@pytest.mark.parametrize("program", ["victoria-metrics", "vmagent", "vmalert"])
def test_victoria_metrics(program: str, tmp_path: Path) -> None:
    """Each takes its flags as written on the page, its configuration, and all rules."""
    (tmp_path / "rules").symlink_to(RULES)
    (tmp_path / "vmagent.yml").symlink_to(DEPLOY / "engines" / "vmagent.yml")
    arguments = commands("VictoriaMetrics")[program]
    output(SHIP / program, "-dryRun", *arguments, cwd=tmp_path)


@pytest.mark.parametrize("path", UNIT_TESTS, ids=lambda path: path.name)
def test_prometheus_3(path: Path) -> None:
    """The rules' unit tests also hold there, where ranges leave out their first sample."""
    assert "SUCCESS" in output(SHIP / "promtool", "test", "rules", path.name, cwd=path.parent)
