"""Where the suite finds and leaves things."""

from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
TOOLS = ROOT / ".tools"
README = HERE / "README.md"
RESULTS = HERE / "results.json"
PLOT = HERE / "ratio.svg"
