"""Write the dashboards: `python -m grafana.source`, or `make dashboards`.

DOCS_URL in the environment replaces the placeholder before the links to runbooks and findings.
"""

import os

from grafana.source.catalogue import FOLDER, dashboards, text_of
from grafana.source.variables import DOCS_URL


def main() -> None:
    for name, dashboard in dashboards(os.environ.get("DOCS_URL", DOCS_URL)).items():
        (FOLDER / f"{name}.json").write_text(text_of(dashboard))


if __name__ == "__main__":
    main()
