"""The documents of a running exporter."""

from dataclasses import replace
from pathlib import Path

from tests.daemon.test_daemon_tls import BASIC, USERS
from tests.support.labs.exporter_process import Access, running_exporter

RUNBOOK = "/docs/runbooks/pools.md"


def test_served_by_every_exporter(tmp_path: Path) -> None:
    """The list and a runbook are there without any setting."""
    with running_exporter(tmp_path / "log", "--sample.interval=10m") as exporter:
        (listed, index), (found, page) = (exporter.get(path) for path in ("/docs/", RUNBOOK))
    assert (listed, found) == (200, 200)
    assert 'href="runbooks/pools.md"' in index
    assert '<h2 id="tcppressurepoolhigh">' in page


def test_asks_for_the_password(tmp_path: Path) -> None:
    """If '/' asks for a password, so do the documents."""
    web = tmp_path / "web.yml"
    web.write_text(USERS)
    flag = f"--web.config.file={web}"
    access = Access(headers={"Authorization": BASIC})
    with running_exporter(
        tmp_path / "log", flag, "--sample.interval=10m", access=access
    ) as exporter:
        assert exporter.get(RUNBOOK)[0] == 200
        stranger = replace(exporter, access=Access())
        assert [stranger.get(path)[0] for path in ("/", "/docs/", RUNBOOK)] == [401] * 3
