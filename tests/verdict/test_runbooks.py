"""The runbooks that an assessment names are there."""

import re

import pytest

from tcp_pressure_exporter.findings.kinds import THRESHOLDS
from tcp_pressure_exporter.verdict.kinds import CLOSE_WAIT, pressure_runbook
from tests.support.places import ROOT


@pytest.mark.parametrize("runbook", [CLOSE_WAIT, *map(pressure_runbook, THRESHOLDS)])
def test_runbook(runbook: str) -> None:
    """Every kind of resource has a section of a runbook."""
    path, _, anchor = runbook.partition("#")
    titles = re.findall("^## (.+)$", (ROOT / path).read_text(), re.MULTILINE)
    assert anchor in {title.lower() for title in titles}
