"""The pages that say what to do about each alert."""

import re
from pathlib import Path

import pytest
import yaml

from tests.deploy.metric_names import documented_names, names_in
from tests.deploy.rule_files import Rule, rules, runbook
from tests.grafana.dashboard import FOLDER as DASHBOARDS
from tests.grafana.dashboard import load, panels
from tests.support.places import ROOT

DOCS = ROOT / "docs"
INDEX = DOCS / "alerts.md"
PAGES = sorted((DOCS / "runbooks").glob("*.md"))
PARTS = ["Meaning.", "Check.", "Do."]
ALERTS = [(path.stem, rule) for path, rule in rules() if "alert" in rule]
PART = re.compile(r"^\*\*([^*]+)\*\*", re.MULTILINE)
ROW = re.compile(r"^\| \[(\w+)\]\(([^)]+)\) \| (\w+) \| ([^|]+) \|", re.MULTILINE)
PANEL = re.compile(r"(?:dashboard|overview)'s\s+panel\s+\*([^*]+)\*")

every_page = pytest.mark.parametrize("page", [INDEX, *PAGES], ids=lambda page: page.name)


def sections(page: Path) -> dict[str, str]:
    """Return the text under each second-level heading."""
    parts = re.split(r"^## (.+)$", page.read_text(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.mark.parametrize(("subject", "alert"), ALERTS, ids=lambda value: str(value)[:60])
def test_each_alert_has_a_runbook(subject: str, alert: Rule) -> None:
    """The annotation links to a section: what it means, what to look at, then what to do."""
    name = str(alert["alert"])
    url = runbook(alert)
    assert url == f"docs/runbooks/{subject}.md#{name.lower()}"
    section = sections(ROOT / url.partition("#")[0])[name].partition("\n### ")[0]
    assert [part for part in PART.findall(section) if part in PARTS] == PARTS


def test_no_runbook_is_left_over() -> None:
    """Each section of the runbooks belongs to an alert."""
    found = {title for page in PAGES for title in sections(page)}
    assert found == {alert["alert"] for _subject, alert in ALERTS}


def test_the_index_lists_each_alert_as_it_is() -> None:
    """docs/alerts.md lists each alert with its severity, wait and runbook."""
    listed = {
        name: (link, severity, wait)
        for name, link, severity, wait in ROW.findall(INDEX.read_text())
    }
    for _subject, alert in ALERTS:
        link, severity, wait = listed.pop(alert["alert"])
        assert f"docs/{link}" == runbook(alert)
        assert severity == alert["labels"]["severity"]
        expected = alert.get("for", "").replace("m", " min").replace("s", " s")
        # A leak is recognised over a window of time instead.
        assert wait == (expected or ("15 min" if "[15m]" in alert["expr"] else "-"))
    assert not listed


@every_page
def test_it_speaks_of_metrics_and_panels_that_exist(page: Path) -> None:
    """Every metric is documented in docs/metrics.md, and every panel named is on a dashboard."""
    titles = {panel["title"] for path in DASHBOARDS.glob("*.json") for panel in panels(load(path))}
    named = {" ".join(title.split()) for title in PANEL.findall(page.read_text())}
    assert names_in(page) <= documented_names()
    assert named <= titles


def test_each_kind_is_listed_for_those_who_write_routes() -> None:
    """docs/alerts.md names exactly the values of the label kind."""
    text = sections(INDEX)["Who is told"]
    kinds = re.search(r"says what an alert is about: ([^.]+)\.", text)
    assert kinds
    assert set(re.findall(r"`(\w+)`", kinds[1])) == {a["labels"]["kind"] for _s, a in ALERTS}


def test_the_receivers_are_told_as_they_are() -> None:
    """The table of receivers in docs/alerts.md has the shipped configuration's."""
    config = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())
    table = sections(INDEX)["Who is told"]
    assert {r["name"] for r in config["receivers"]} == set(re.findall(r"\| `(\w+)` \|", table))
