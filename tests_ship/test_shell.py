"""How shells and man(1) use the completions and the man pages."""

from pathlib import Path

import pytest

from tests_ship.commands import output
from tests_ship.places import DEPLOY

FOLDER = DEPLOY / "shell"
FISH = FOLDER / "tcp-pressure-exporter.fish"
ZSH = 'autoload -U compinit; fpath=("$1" $fpath); compinit -D; print $_comps[tcp-pressure-exporter]'


def offered_by_fish(line: str) -> set[str]:
    completion = f"source {FISH}; complete --do-complete 'tcp-pressure-exporter {line}'"
    lines = output("fish", "--no-config", "--command", completion).splitlines()
    return {line.split("\t")[0] for line in lines}


def test_fish() -> None:
    """Fish offers what a flag takes, and after `report` only the report's flags."""
    assert offered_by_fish("--log.level ") == {"debug", "info", "warn", "error"}
    assert "--web.listen-address" in offered_by_fish("--web.")
    assert {"--watch", "--json"} <= offered_by_fish("report --")
    assert "--web.listen-address" not in offered_by_fish("report --")


def test_zsh() -> None:
    """Zsh finds the function by name, and it has no syntax errors."""
    output("zsh", "-f", "-n", FOLDER / "_tcp-pressure-exporter")
    assert output("zsh", "-f", "-c", ZSH, "zsh", FOLDER).strip() == "_tcp-pressure-exporter"


@pytest.mark.parametrize("page", sorted(FOLDER.glob("*.1")), ids=lambda path: path.name)
def test_man(page: Path) -> None:
    """Man shows the page without a warning."""
    shown = output("man", "--warnings", "--local-file", page)
    assert ": warning: " not in shown  # groff's
    assert "--path.procfs DIR" in shown
