"""The committed dashboards are what grafana/source makes."""

from deploy.docs_url import docs_url
from grafana.source.catalogue import FOLDER, dashboards, text_of
from tests.grafana.dashboard import variables


def test_committed_is_regenerated() -> None:
    """`make dashboards` changes nothing, and there is no other dashboard in the folder."""
    made = {f"{uid}.json": text_of(made) for uid, made in dashboards(docs_url()).items()}
    assert {path.name: path.read_text() for path in FOLDER.iterdir()} == made


def test_documents_elsewhere() -> None:
    """The documents' address comes from the variable, and appears nowhere else."""
    address = "https://wiki.example.com/tcp"
    for dashboard in dashboards(address).values():
        assert variables(dashboard)["docs"]["current"] == {"text": address, "value": address}
        assert text_of(dashboard).count(address) == text_of(dashboard).count("wiki") == 3
