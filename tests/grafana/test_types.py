"""The dashboards checked by the TypeScript compiler against the types of each Grafana supported."""

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.grafana.dashboard import FOLDER, load
from tests.support.places import ROOT

TYPES = Path(__file__).parent / "types"
INSTALLED = ROOT / ".tools" / "grafana" / "node_modules"
# The packages with the types of the newest version, and of the oldest claimed.
NEWEST, OLDEST = "@grafana/schema", "grafana-schema-12"
NODE = Path(sys.executable).with_name("node")
STRICT = (
    *("--noEmit", "--strict", "--skipLibCheck", "--target", "es2022"),
    *("--module", "esnext", "--moduleResolution", "bundler"),
)


def complaints(
    folder: Path, dashboards: Mapping[str, dict[str, Any]], schema: str = NEWEST
) -> list[str]:
    """Return the compiler's errors on the dashboards."""
    (folder / "node_modules").symlink_to(INSTALLED)
    (folder / "checked.ts").write_text((TYPES / "checked.ts").read_text().replace(NEWEST, schema))
    for name, dashboard in dashboards.items():
        text = "import type { Checked } from './checked';\nexport const it: Checked = "
        (folder / f"{name}.ts").write_text(text + json.dumps(dashboard, indent=1) + ";\n")
    compiler = INSTALLED / "typescript" / "bin" / "tsc"
    files = [f"{name}.ts" for name in dashboards]
    run = subprocess.run(
        [str(NODE), str(compiler), *STRICT, *files],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    return run.stdout.splitlines()


@pytest.mark.parametrize("schema", [NEWEST, OLDEST])
def test_types(tmp_path: Path, schema: str) -> None:
    """Every key and value in the dashboards is known to Grafana, with the right type."""
    dashboards = {path.stem: load(path) for path in FOLDER.glob("*.json")}
    assert complaints(tmp_path, dashboards, schema) == []


def test_the_page_names_the_versions_that_are_checked() -> None:
    """docs/dashboards.md claims the oldest and newest versions whose types are known here."""
    wanted = json.loads((TYPES / "package.json").read_text())["devDependencies"]
    oldest, newest = (wanted[name].rpartition("@")[2] for name in (OLDEST, NEWEST))
    page = (ROOT / "docs" / "dashboards.md").read_text()
    assert f"Grafana {oldest.rpartition('.')[0]} to {newest.partition('.')[0]}.x" in page
    assert f"`@grafana/schema` {oldest} and {newest}" in page


def test_mistakes_are_found(tmp_path: Path) -> None:
    """A misspelt option, a wrong word and a number instead of text are one error each."""
    dashboard = load(FOLDER / "tcp-pressure-pool.json")
    stat, timeseries, text = (dict(dashboard) for _ in range(3))
    panels = dashboard["panels"]
    stat["panels"] = [panels[0] | {"options": panels[0]["options"] | {"colourMode": "none"}}]
    (line,) = [panel for panel in panels if panel["title"] == "Minutes until it is full"]
    legend = line["options"]["legend"] | {"placement": "left"}
    timeseries["panels"] = [line | {"options": line["options"] | {"legend": legend}}]
    text["title"] = 1
    found = complaints(tmp_path, {"stat": stat, "timeseries": timeseries, "text": text})
    errors = [complaint for complaint in found if ": error TS" in complaint]
    assert sorted(error.partition(".ts")[0] for error in errors) == ["stat", "text", "timeseries"]


def test_the_lock_file_names_no_registry() -> None:
    """Packages come from whatever registry npm is configured for, and are pinned by hash."""
    lock = json.loads((TYPES / "package-lock.json").read_text())
    packages = [package for name, package in lock["packages"].items() if name]
    assert all("resolved" not in package and "integrity" in package for package in packages)
    assert "://" not in (TYPES / "package-lock.json").read_text()
