"""The real exporter's status of real sockets, in a real browser and as JSON."""

import json
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tcp_pressure_exporter.facts.sockets import STATE_NAMES
from tests.pages.json_documents.test_status import valid
from tests.pages.status.chromium import running_browser
from tests.pages.status.served_status import tab
from tests.support.labs.close_wait_lab import not_closed
from tests.support.labs.exporter_process import Exporter, running_exporter
from tests.support.labs.lab import Lab
from tests.support.labs.network_namespace import set_sysctl

LOCAL, REMOTE = "127.0.0.2", "127.0.0.9"
OPEN, STUCK = 75, 8
POOL = f"{LOCAL} → {REMOTE}:9000"


def status(exporter: Exporter) -> Any:
    code, body = exporter.get("/api/v1/status")
    assert code == 200
    return valid(body)


def own_name() -> str:
    """Return the name of this process, which has the connections."""
    return Path("/proc/self/comm").read_text().strip()


@pytest.mark.usefixtures("netns")
def test_a_pool_and_a_leak(lab: Lab, tmp_path: Path) -> None:
    """The page and the document name the pool, how full it is, its owner, and what is stuck."""
    set_sysctl("ip_local_port_range", "20000 20099")
    for _ in range(OPEN):
        lab.connect(REMOTE, LOCAL)
    for _ in range(STUCK):
        not_closed(lab, "127.0.0.3")
    with running_exporter(tmp_path / "log", "--sample.interval=200ms") as exporter:
        (own,) = status(exporter)["namespaces"]
        first = own["pressures"][0]
        used = first["used"]
        with (
            running_browser() as browser,
            tab(browser, f"http://127.0.0.1:{exporter.port}/") as page,
        ):
            expect(page.locator("h1")).to_have_text("warning")
            card = page.locator(".card").first
            expect(card).to_contain_text(POOL)
            expect(card).to_contain_text(f"{used} / 100 used")
            expect(card).to_contain_text(
                re.compile(f"Owners of its open connections: .*{own_name()}")
            )
            expect(page.locator("#stuck summary")).to_contain_text(f"{STUCK} read, but not closed")
            page.locator("#stuck summary").click()
            row = page.get_by_role("row", name=f"read, but not closed {STUCK}")
            expect(row).to_be_visible()
            expect(page.locator("#age")).to_contain_text("old")
    assert (first["name"], first["limit"]) == (POOL, 100)
    assert used >= OPEN  # ports bound by others count as well
    assert own["close_wait"]["sockets"] == STUCK
    assert [one["state"] for one in own["sockets"]] == list(STATE_NAMES.values())


@pytest.mark.usefixtures("netns")
def test_reload(tmp_path: Path) -> None:
    """A changed configuration file shows without a restart."""
    file = tmp_path / "config.yml"
    file.write_text("runbook_url: https://git.example/v1")
    flag = f"--config.file={file}"
    with running_exporter(tmp_path / "log", flag, "--sample.interval=10m") as exporter:
        assert status(exporter)["exporter"]["settings"]["runbook_url"] == "https://git.example/v1"
        file.write_text("runbook_url: https://git.example/v2")
        exporter.signal(signal.SIGHUP)
        exporter.wait_for_log("configuration reloaded")
        _code, page = exporter.get("/")
        assert "https://git.example/v2" in page
        assert json.loads(exporter.get("/api/v1/status")[1])["exporter"]["reloads"] == 1
