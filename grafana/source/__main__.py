"""Write the dashboards: `python -m grafana.source`, or `make dashboards`.

DOCS_URL in the environment replaces the placeholder in links to runbooks and findings.
"""

from deploy.docs_url import docs_url
from grafana.source.catalogue import FOLDER, dashboards, text_of


def main() -> None:
    for name, dashboard in dashboards(docs_url()).items():
        (FOLDER / f"{name}.json").write_text(text_of(dashboard))


if __name__ == "__main__":
    main()
