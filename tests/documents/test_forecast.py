"""docs/forecast.md quotes the experiment, and the alerts as they ship."""

import re

import yaml

from tests.deploy.rule_files import alerts
from tests.support.places import DOCS, ROOT

TEXT = " ".join((DOCS / "forecast.md").read_text().split())
RESULTS = (ROOT / "benchmarks" / "forecast" / "README.md").read_text()


def row(name: str) -> list[str]:
    """Return a forecaster's row in the table of warnings below 60 s, at a poll every 5 s."""
    table = RESULTS.split("every 5 s, warning below 60 s\n")[1].split("\n### ")[0]
    (found,) = [line for line in table.splitlines() if line.startswith(f"| {name} ")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_it_quotes_the_results() -> None:
    """Missed ends, lead and false alarms are those of the kept run."""
    ours, line, idle = (
        row("last 10 s, less what has ended"),
        row("predict_linear, 5 m of 15 s"),
        row("predict_linear, idle before"),
    )
    assert f"missed {ours[1]} ends and came {ours[3]} s before the end in the median" in TEXT
    assert f"{ours[5]} s of about 2,200 s" in TEXT
    assert f"predict_linear missed {line[1]}, with {line[5]} s of false alarm" in TEXT
    assert f"and {idle[1]} where the host had been idle before" in TEXT


def test_it_shows_the_alerts_as_they_ship() -> None:
    """The example's expressions and waits are those of the rules."""
    (example,) = re.findall(r"```yaml\n(.*?)```", (DOCS / "forecast.md").read_text(), re.DOTALL)
    for shown in yaml.safe_load(example):
        shipped = alerts()[shown["alert"]]
        assert shown["for"] == shipped["for"]
        assert "".join(shown["expr"].split()) == "".join(shipped["expr"].split())
