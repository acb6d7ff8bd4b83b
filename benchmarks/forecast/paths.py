"""Where the experiment finds and leaves things."""

from benchmarks.paths import ROOT

TRACES = ROOT / "benchmarks" / "forecast" / "traces.json"
HARMLESS = ROOT / "benchmarks" / "forecast" / "harmless.json"
DOCUMENT = ROOT / "benchmarks" / "forecast" / "README.md"
PLOT = DOCUMENT.with_name("forecast.svg")
