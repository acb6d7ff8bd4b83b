"""Where the dashboards lead: to each other, to runbooks, and to findings."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tcp_pressure_exporter.findings.table import FINDINGS
from tests.deploy.rule_files import alerts, runbook
from tests.grafana.dashboard import DASHBOARDS, FOLDER, load, panels, variables
from tests.support.places import ROOT

FIELD = re.compile(r"\$\{__data\.fields\.(\w+)\}")
ADVICE_FITS = 95  # characters, in the widest column at 1600 pixels

every_dashboard = pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)


def settings(panel: dict[str, Any], name: str) -> Iterator[tuple[str, Any]]:
    """Yield the field and value of each override of a setting."""
    for override in panel["fieldConfig"]["overrides"]:
        for setting in override["properties"]:
            if setting["id"] == name:
                yield override["matcher"]["options"], setting["value"]


def words(panel: dict[str, Any], field: str) -> dict[str, str]:
    """Return what a column shows in place of each value."""
    (mappings,) = [value for name, value in settings(panel, "mappings") if name == field]
    return {value: shown["text"] for value, shown in mappings[0]["options"].items()}


def overview_panel(title: str) -> dict[str, Any]:
    (found,) = [
        panel
        for panel in panels(load(FOLDER / "tcp-pressure-overview.json"))
        if panel["title"] == title
    ]
    return found


@every_dashboard
def test_the_others_are_linked_with_time_and_variables(path: Path) -> None:
    """One list of links leads to all dashboards with the tag, and keeps the choices."""
    dashboard = load(path)
    (link,) = dashboard["links"]
    assert (link["type"], link["keepTime"], link["includeVars"]) == ("dashboards", True, True)
    assert set(link["tags"]) <= set(dashboard["tags"])


@every_dashboard
def test_each_link_of_a_row_leads_somewhere(path: Path) -> None:
    """The dashboard exists and has the variables being set; the row has the fields used."""
    dashboard = load(path)
    for panel in panels(dashboard):
        columns = {override["matcher"]["options"] for override in panel["fieldConfig"]["overrides"]}
        for _field, links in settings(panel, "links"):
            for link in links:
                url = link["url"]
                dropped = {"netns"} & panel["transformations"][-1]["options"][
                    "excludeByName"
                ].keys()
                assert set(FIELD.findall(url)) <= columns | dropped, panel["title"]
                if url.startswith("${docs}/"):
                    continue
                target = load(FOLDER / f"{url.removeprefix('/d/').partition('?')[0]}.json")
                assert "${__url_time_range}" in url
                assert set(re.findall(r"var-(\w+)=", url)) <= set(variables(target))
                assert set(re.findall(r"\$\{(\w+):queryparam\}", url)) <= set(variables(target))


def test_each_alert_has_its_runbook_and_words() -> None:
    """The table of alerts has each one's runbook and summary as in the rules."""
    panel = overview_panel("What is wrong, and what to do")
    summaries = {name: rule["annotations"]["summary"] for name, rule in alerts().items()}
    assert words(panel, "alertname") == summaries
    assert {name: f"docs/{path}" for name, path in words(panel, "runbook").items()} == {
        name: runbook(rule) for name, rule in alerts().items()
    }


def test_each_kind_of_alert_has_advice_that_fits() -> None:
    """There is a line of advice for each kind, short enough for its column."""
    advice = words(overview_panel("What is wrong, and what to do"), "kind")
    assert set(advice) == {rule["labels"]["kind"] for rule in alerts().values()}
    assert max(map(len, advice.values())) <= ADVICE_FITS


def test_each_finding_has_its_section() -> None:
    """The table of findings links to the sections of docs/findings.md, and has their advice.

    Drops are in their counters' panels.
    """
    page = (ROOT / "docs/findings.md").read_text()
    shown = words(overview_panel("Findings, and what to do"), "advice")
    sections = re.findall(r"^## (\w+)\n\n\*\*\w+\.\*\* (.+?)\n\n", page, re.MULTILINE | re.DOTALL)
    listed = [(name, " ".join(advice.split())) for name, advice in sections]
    drops = {finding.name for finding in FINDINGS if not finding.exported}
    assert drops
    assert shown == {name: advice for name, advice in listed if name not in drops}
