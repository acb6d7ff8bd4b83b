"""The one address of the documents: rules, manifests and dashboards link to it, wherever it is."""

import shutil
from pathlib import Path

import pytest
import yaml

from deploy.docs_url import docs_url, with_links
from deploy.kubernetes.prometheus_rule import write_links
from tests.deploy.rule_files import FOLDER, promtool, rules
from tests.support.places import ROOT

ELSEWHERE = "https://wiki.example.com/tcp/docs"


def test_the_address_is_the_placeholder_or_what_the_environment_has(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """DOCS_URL overrides pyproject.toml, with or without a trailing slash; empty means unset."""
    monkeypatch.delenv("DOCS_URL", raising=False)
    placeholder = docs_url()
    monkeypatch.setenv("DOCS_URL", f"{ELSEWHERE}/")
    assert docs_url() == ELSEWHERE
    monkeypatch.setenv("DOCS_URL", "")
    assert docs_url() == placeholder
    assert (ROOT / "pyproject.toml").read_text().count(placeholder) == 1


def test_every_runbook_is_an_address_that_a_pager_can_open() -> None:
    """The annotation is absolute: Prometheus, Alertmanager and pagers only take these."""
    for _path, rule in rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"].startswith(f"{docs_url()}/runbooks/")


def test_what_is_committed_is_what_make_manifests_writes() -> None:
    """No rule, and no test of one, links to another address."""
    for path in [*FOLDER.glob("rules/*.yml"), *FOLDER.glob("tests/*.yml")]:
        assert path.read_text() == with_links(path.read_text(), docs_url()), path


def test_the_rules_of_a_site_are_good_rules(tmp_path: Path) -> None:
    """With another address every link goes there, and the unit tests still pass."""
    for name in ("rules", "tests"):
        shutil.copytree(FOLDER / name, tmp_path / name)
    write_links(tmp_path, ELSEWHERE)
    text = "".join(path.read_text() for path in tmp_path.glob("rules/*.yml"))
    alerts = [rule for _path, rule in rules() if "alert" in rule]
    assert text.count(f"runbook_url: {ELSEWHERE}/runbooks/") == len(alerts)
    assert docs_url() not in text
    for path in tmp_path.glob("rules/*.yml"):
        yaml.safe_load(path.read_text())
    promtool("test", "rules", "findings.yml", "stuck.yml", folder=tmp_path / "tests")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("docs/runbooks/nat.md#a", "W/runbooks/nat.md#a"),
        ("https://git.example.org/x/docs/runbooks/findings.md#b", "W/runbooks/findings.md#b"),
        ('means: docs/findings.md#{{ $labels.f }}."', 'means: W/findings.md#{{ $labels.f }}."'),
        ("# What to do: docs/runbooks/nat.md.", "# What to do: docs/runbooks/nat.md."),
    ],
)
def test_links(before: str, after: str) -> None:
    """A section goes below the new address, whatever preceded it; a file in a comment stays."""
    assert with_links(before, "W") == after
